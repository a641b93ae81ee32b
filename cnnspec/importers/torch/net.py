"""What rows of PyTorch's functions say and ask: layers are added, arguments are known or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cnnspec.importers.model import Operation, Value, output_of
from cnnspec.importers.reading.flows import Flow, Flows, Repeated
from cnnspec.importers.refusals import Refusal, Refuse
from cnnspec.importers.torch.function_names import common_name
from cnnspec.importers.torch.meta import COUNTER
from cnnspec.importers.torch.trace import BATCH, FunctionCall
from cnnspec.importers.torch.values import (
    Computed,
    ConstantTensor,
    FormulaPart,
    Known,
    Padded,
    Scaled,
    Shifted,
    Standardized,
    WeightTensor,
)
from cnnspec.layers.base import Layer
from cnnspec.layers.channels import Shift
from cnnspec.values.shapes import Shape


class TraceFlows(Flows):
    """The state of lowering one run. Rows are given it, and the call's arguments."""

    def __init__(self, state: Mapping[str, Tensor], is_training: bool) -> None:
        super().__init__(BATCH)
        self.state, self.is_training = state, is_training
        self.made: dict[int, Operation] = {}  # operations by the number of their output
        self.answered: set[Refusal] = set()  # of terms that became a layer
        self.filters: dict[str, Value] = {}  # tensors of the state in formulas, by their keys
        self.call: FunctionCall

    @property
    def operator(self) -> str:
        return self.call.name

    @property
    def function(self) -> str:
        """What rows and formulas call it; `operator` is the name that the module calls it by."""
        return common_name(self.call.name)

    def emit(self, layer: Layer, *inputs: Value, **tensors: Known | None) -> Value:
        """Add a layer; `tensors` are its weights by name, None where it has none. Raises Misfit, Refuse."""
        shapes = tuple(value.shape for value in inputs)
        output = self.value(output_of(layer, shapes))
        keys = {} if layer.is_join else self.keys_of(layer, shapes[0], tensors)
        scopes, place = self.call.scopes, self.call.place
        self.made[output.number] = Operation(layer, inputs, output, keys, scopes, place=place)
        return output

    def maker(self, value: Value) -> Operation | None:
        return self.made.get(value.number)

    def number_of(self, made: Operation) -> Any:
        if made.layer.value("trained") and made.layer.value("per") == "channel":
            return WeightTensor(made.keys[""], (made.output.shape.channels,))
        return super().number_of(made)

    def keys_of(self, layer: Layer, x: Shape, tensors: Mapping[str, Known | None]) -> dict[str, str]:
        """The keys of a layer's weights. Raises Refuse where one is no tensor of the state_dict as it is."""
        given = {name: self.key_of(name, known) for name, known in tensors.items() if known is not None}
        wanted = {weight.name: weight.shape for weight in layer.weights(x)}
        if COUNTER in wanted:
            # F.batch_norm is not given it: it is beside the mean, n.running_mean -> n.num_batches_tracked.
            given[COUNTER] = given["running_mean"].removesuffix("running_mean") + COUNTER
        for name, shape in wanted.items():
            key = given.get(name, "")
            found = tuple(self.state[key].shape) if key in self.state else None
            if found is None:
                raise Refuse("E1006", f"`{layer.name}` needs a tensor `{name}` in the state_dict")
            if found != shape:
                raise Refuse("E1006", f"`{layer.name}` needs a tensor of shape {shape}, not {found}")
        # A bias where the layer has none, as of F.layer_norm without a weight: it would be lost.
        if surplus := given.keys() - wanted.keys():
            raise Refuse("E1004", f"`{layer.name}` has no tensor `{min(surplus)}`")
        return {name: given[name] for name in wanted}

    def key_of(self, name: str, known: Known) -> str:
        if isinstance(known, WeightTensor):
            return known.key
        if isinstance(known, Scaled | Standardized):
            known = Computed(f"{type(known).__name__.lower()}({known.key})")
        if isinstance(known, Computed):
            # `sub(0.weight, ...)` in module 0 is `sub(weight, ...)`, in the same words as in module 1.
            own = f"{self.call.scopes[-1].path}." if self.call.scopes else ""
            how = known.how.replace(own, "") if own else known.how
            raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is computed: {how}")
        if isinstance(known, ConstantTensor):
            raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is not in the state_dict")
        raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is a value of the network")

    def tensor(self, name: str, known: Known, dimensions: int) -> WeightTensor:
        """An argument that has to be a tensor of the state_dict. Raises Refuse."""
        self.key_of(name, known)
        if not isinstance(known, WeightTensor) or len(known.shape) != dimensions:
            self.deny(name, "a tensor of other dimensions")
        return known

    def flow(self, known: object) -> Flow:
        """An argument that has to be a value of the network. Raises Refuse."""
        if isinstance(known, Flow):
            return known
        if isinstance(known, Repeated):
            raise Refuse("E1003", "a value that is repeated along an axis has no layer")
        if isinstance(known, Shifted):
            if isinstance(known.by, Tensor):
                raise Refuse("E1003", "a value less fixed numbers has no layer")
            return self.each(Shift(init=-float(known.by), trained=False), known.flow)
        if isinstance(known, FormulaPart):
            raise Refuse(known.refusal.code, known.refusal.message, earlier=known.refusal)
        if isinstance(known, Padded):
            raise Refuse("E1003", "a pad of -inf has a layer in a max pool alone")
        raise Refuse("E1005", f"`{self.call.name}` of {described(known)}, which is no value of the network")


def described(known: object) -> str:
    """What is no value of the network, in words."""
    if isinstance(known, WeightTensor | Scaled | Standardized):
        return f"the trained tensor `{known.key}`"
    if isinstance(known, Computed):
        return known.how
    return "fixed numbers" if isinstance(known, ConstantTensor | int | float) else "a tensor"
