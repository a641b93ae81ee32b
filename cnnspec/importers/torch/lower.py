"""Lower the calls of a run to layers of the language, each call by the row of its function.

A row is a Python function whose parameters are those of PyTorch's function. An argument that no row names
cannot be bound to it and is refused; a test holds that a row uses every parameter that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnspec.importers.model import Operation, Value, output_of
from cnnspec.importers.reading.arrangement import axes_of, sizes_of
from cnnspec.importers.reading.flows import Flow, Flows, Repeated, Row
from cnnspec.importers.refusals import Refusal, Refuse
from cnnspec.importers.torch import weight_rows
from cnnspec.importers.torch.meta import COUNTER
from cnnspec.importers.torch.nested import leaves, replaced
from cnnspec.importers.torch.trace import BATCH, FunctionCall, Trace, Traced
from cnnspec.importers.torch.values import (
    KINDS,
    Computed,
    Constant,
    FormulaPart,
    Known,
    Opaque,
    Padded,
    Scaled,
    Shifted,
    Standardized,
    Stateful,
    Weight,
)
from cnnspec.layers.base import Layer
from cnnspec.layers.channels import Shift
from cnnspec.values.shapes import Shape

UNNAMED = Computed("a tensor that is not in the state_dict")


class Formulas(NamedTuple):
    """What is done where a call is a part of a formula.

    `make_term` makes parts, or the layer that they complete, of what a row refuses; `shorten` one layer of
    what a row made, where that completes a formula; `of_weights` is for calls of weights alone.
    """

    make_term: Callable[[TraceFlows, tuple[Any, ...], Mapping[str, Any], Refusal], list[Known] | None]
    shorten: Callable[[TraceFlows, Known], Known]
    of_weights: Callable[[TraceFlows, tuple[Any, ...], Mapping[str, Any], str], list[Known]]


class TraceFlows(Flows):
    """The state of lowering one run. Rows are given it, and the call's arguments."""

    def __init__(
        self,
        trace: Trace,
        table: Mapping[str, Row],
        formulas: Formulas,
        state: Mapping[str, Tensor],
        is_training: bool,
    ) -> None:
        super().__init__(BATCH)
        self.trace, self.table, self.formulas = trace, table, formulas
        self.state, self.is_training = state, is_training
        self.known: dict[int, Known] = {}
        self.operations: list[Operation] = []
        self.refusals: list[Refusal] = []
        self.makers: dict[int, Operation] = {}  # operations by the number of their output
        self.answered: set[Refusal] = set()  # of terms that became a layer
        self.filters: dict[str, Value] = {}  # tensors of the state in formulas, by their keys
        self.call: FunctionCall
        for number, key in trace.keys.items():
            self.known[number] = Weight(key, tuple(state[key].shape))
        for number, tensor in trace.constants.items():
            self.known.setdefault(number, Constant(tensor))
        self.inputs = tuple(self.start(traced) for traced in trace.inputs)

    @property
    def operator(self) -> str:
        return self.call.name

    def start(self, traced: Traced) -> Value:
        """An input of the network."""
        value = self.value(Shape(*traced.shape[1:]))
        self.known[traced.number] = Flow(value, axes_of(value.shape, BATCH))
        return value

    def run(self) -> None:
        """Lower all calls; what cannot be said is among the refusals."""
        for call in self.trace.calls:
            self.call = call
            try:
                made = self.lower(call)
            except Refuse as refuse:
                self.refuse(refuse)
                made = [self.unknown(result.shape) for result in call.results]
            for result, known in zip(call.results, made, strict=True):
                self.known[result.number] = known
        # A term is refused where something uses it; what came after the stop can use none.
        if self.trace.stops:
            self.refuse_open_terms()

    def refuse_open_terms(self) -> None:
        """Note the refusals of terms that no layer was made of before the run stopped."""
        for known in self.known.values():
            if isinstance(known, FormulaPart) and known.refusal not in (*self.answered, *self.refusals):
                self.refusals.append(known.refusal)

    def output(self, traced: Traced) -> Value | None:
        """What the module returns, as a map or a vector; None, and a refusal, where it is neither."""
        self.call = FunctionCall("return", (), {}, (), (), (), "", None)
        try:
            known = self.look(traced)
            return None if isinstance(known, Opaque) else self.map(known)
        except Refuse as refuse:
            self.refuse(refuse)
            return None

    def refuse(self, refuse: Refuse) -> None:
        """Note a refusal; that of an earlier call once, whatever comes of it."""
        if refuse.earlier is None or refuse.earlier not in self.refusals:
            self.refusals.append(self.refusal(refuse))

    def refusal(self, refuse: Refuse) -> Refusal:
        here = Refusal(refuse.code, refuse.message, self.call.scopes, self.call.place)
        return refuse.earlier or here

    def unknown(self, shape: tuple[int, ...]) -> Known:
        """What a refused call made: behind what looks like a map or a vector, calls are judged, too."""
        if len(shape) in (2, 4) and shape[0] == BATCH:
            value = self.value(Shape(*shape[1:]))
            return Flow(value, axes_of(value.shape, BATCH))
        return Opaque(shape)

    def lower(self, call: FunctionCall) -> list[Known]:
        """What a call makes. Raises Refuse."""
        args = tuple(self.resolve(each) for each in call.args)
        kwargs = {ALIASES.get(name, name): self.resolve(each) for name, each in call.kwargs.items()}
        given = [*leaves((args, kwargs), KINDS)]
        # The call that made it is refused already.
        if any(isinstance(each, Opaque) for each in given):
            return [Opaque(result.shape) for result in call.results]
        self.check_writes(call)
        if all(result.number in self.trace.constants for result in call.results):
            return [Constant(self.trace.constants[result.number]) for result in call.results]
        # `given` may be empty: `torch.rand(5, 1, 1, 1)` has a row.
        if given and all(isinstance(each, Stateful | Constant | Computed) for each in given):
            return self.compute(call, args, kwargs, given)
        count = len(self.operations)
        try:
            made = self.apply(self.table, args, kwargs)
        except Refuse as refuse:
            terms = self.formulas.make_term(self, args, kwargs, self.refusal(refuse))
            if terms is None:
                raise
            made = terms
        else:
            made = (
                # A view adds no layer, and completes no formula.
                [self.formulas.shorten(self, each) for each in made] if len(self.operations) > count else made
            )
        return self.checked(made, call)

    def checked(self, made: list[Known], call: FunctionCall) -> list[Known]:
        """What a row made, its shapes held against PyTorch's."""
        shapes = [sizes_of(each.axes) if isinstance(each, Flow) else None for each in made]
        wanted = [result.shape for result in call.results]
        self.check_precision(call, made)
        for shape, want in zip(shapes, wanted, strict=True):
            if shape is not None and shape != want:
                raise Refuse("E1005", f"`{call.name}` makes {want} of what the language makes {shape}")
        return made

    def check_precision(self, call: FunctionCall, made: list[Known]) -> None:
        """Refuse a call that keeps fewer digits of a value than it had. Raises Refuse."""
        dtypes = [each.dtype for each in call.args if isinstance(each, Traced)]
        # Integers have 0 bits: a cast of them to float loses nothing, `x.to(torch.long)` does.
        given = max((bits(dtype) for dtype in dtypes), default=0)
        for result, known in zip(call.results, made, strict=True):
            if isinstance(known, Flow) and bits(result.dtype) < given:
                raise Refuse("E1004", f"`{call.name}` to {str(result.dtype).removeprefix('torch.')}")

    def check_writes(self, call: FunctionCall) -> None:
        """Refuse a call that changes the module's state; the statistics of norms change. Raises Refuse."""
        # These move their running statistics, which is what the layer does, too.
        if call.name in ("batch_norm", "instance_norm"):
            return
        for written in call.written:
            known = self.known.get(written.number)
            if isinstance(known, Weight) and not known.key.endswith(COUNTER):
                raise Refuse("E1010", f"`{call.name}` changes `{known.key}` while the network runs")

    def resolve(self, value: Any) -> Any:
        """Arguments, every tensor as what it is known to be. Raises Refuse."""
        return replaced(value, Traced, self.look)

    def look(self, traced: Traced) -> Known:
        """What a tensor is known to be. Raises Refuse."""
        if traced.is_stale:
            raise Refuse("E1010", "a value is used after another view of its memory was changed in place")
        return self.known.get(traced.number, UNNAMED)

    def compute(self, call: FunctionCall, args: Any, kwargs: Any, given: Sequence[Known]) -> list[Known]:
        """What a call makes of weights alone: another view of one, or something computed."""
        first = given[0]
        if isinstance(first, Weight) and first.key.endswith(COUNTER):
            # `num_batches_tracked.add_(1)` makes the counter.
            return [first for _ in call.results]
        made = weight_rows.compute(call.name, args, kwargs, call.results[0].shape)
        if made is not None:
            return [made]
        return self.formulas.of_weights(self, args, kwargs, weight_rows.describe(call.name, given))

    # What rows say and ask

    def emit(self, layer: Layer, *inputs: Value, **tensors: Known | None) -> Value:
        """Add a layer; `tensors` are its weights by name, None where it has none. Raises Misfit, Refuse."""
        shapes = tuple(value.shape for value in inputs)
        output = self.value(output_of(layer, shapes))
        keys = {} if layer.is_join else self.keys_of(layer, shapes[0], tensors)
        made = Operation(layer, inputs, output, keys, self.call.scopes, place=self.call.place)
        self.operations.append(made)
        self.makers[output.number] = made
        return output

    def maker(self, value: Value) -> Operation | None:
        return self.makers.get(value.number)

    def number_of(self, made: Operation) -> Any:
        if made.layer.value("trained") and made.layer.value("per") == "channel":
            return Weight(made.keys[""], (made.output.shape.channels,))
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
        if isinstance(known, Weight):
            return known.key
        if isinstance(known, Scaled | Standardized):
            known = Computed(f"{type(known).__name__.lower()}({known.key})")
        if isinstance(known, Computed):
            # `sub(0.weight, ...)` in module 0 is `sub(weight, ...)`, in the same words as in module 1.
            own = f"{self.call.scopes[-1].path}." if self.call.scopes else ""
            how = known.how.replace(own, "") if own else known.how
            raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is computed: {how}")
        if isinstance(known, Constant):
            raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is not in the state_dict")
        raise Refuse("E1006", f"the {name or 'tensor'} of `{self.call.name}` is a value of the network")

    def tensor(self, name: str, known: Known, dimensions: int) -> Weight:
        """An argument that has to be a tensor of the state_dict. Raises Refuse."""
        self.key_of(name, known)
        if not isinstance(known, Weight) or len(known.shape) != dimensions:
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
    if isinstance(known, Weight | Scaled | Standardized):
        return f"the trained tensor `{known.key}`"
    if isinstance(known, Computed):
        return known.how
    return "fixed numbers" if isinstance(known, Constant | int | float) else "a tensor"


ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input"}
"""NumPy's names of arguments, which PyTorch takes, too."""


def bits(dtype: torch.dtype) -> int:
    """How many bits a number with a point has; 0 of other types."""
    return torch.finfo(dtype).bits if dtype.is_floating_point else 0
