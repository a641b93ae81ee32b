"""Lower the calls of a run to layers of the language, each call by the row of its function.

A row is a Python function whose parameters are those of PyTorch's function. An argument that no row names
cannot be bound to it and is refused; a test holds that a row uses every parameter that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnspec.importers.model import Value
from cnnspec.importers.reading.arrangement import sizes_of
from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.refusals import Refusal, Refuse
from cnnspec.importers.torch import (
    activation_rows,
    formulas,
    join_rows,
    layer_rows,
    noise,
    pool_rows,
    resize_rows,
    view_rows,
    weight_rows,
)
from cnnspec.importers.torch.function_names import IN_ORDER
from cnnspec.importers.torch.meta import COUNTER
from cnnspec.importers.torch.nested import leaves, replaced
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.trace import BATCH, FunctionCall, Trace, Traced
from cnnspec.importers.torch.values import (
    KINDS,
    Computed,
    ConstantTensor,
    FormulaPart,
    Known,
    Opaque,
    Stateful,
    WeightTensor,
)
from cnnspec.values.shapes import Shape

FAMILIES = (layer_rows, pool_rows, activation_rows, resize_rows, view_rows, join_rows, noise)
TABLE = {name: row for family in FAMILIES for name, row in family.ROWS.items()}
UNNAMED = Computed("a tensor that is not in the state_dict")


class Lowering(TraceFlows):
    """One run on its way to layers: `made` are the operations so far, `refusals` what cannot be said."""

    def __init__(self, trace: Trace, state: Mapping[str, Tensor], is_training: bool) -> None:
        super().__init__(state, is_training)
        self.trace = trace
        self.known: dict[int, Known] = {}
        self.refusals: list[Refusal] = []
        for number, key in trace.keys.items():
            self.known[number] = WeightTensor(key, tuple(state[key].shape))
        for number, tensor in trace.constants.items():
            self.known.setdefault(number, ConstantTensor(tensor))
        self.inputs = tuple(self.start(traced) for traced in trace.inputs)

    def start(self, traced: Traced) -> Value:
        """An input of the network."""
        value = self.value(Shape(*traced.shape[1:]))
        self.known[traced.number] = self.natural(value)
        return value

    def run(self) -> None:
        """Lower all calls; what cannot be said is among the refusals."""
        for call in self.trace.calls:
            self.call = call
            try:
                made = self.lower()
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
            return self.natural(self.value(Shape(*shape[1:])))
        return Opaque(shape)

    def lower(self) -> list[Known]:
        """What the call makes. Raises Refuse."""
        call = self.call
        args = tuple(self.resolve(each) for each in call.args)
        kwargs = {ALIASES.get(name, name): self.resolve(each) for name, each in call.kwargs.items()}
        given = [*leaves((args, kwargs), KINDS)]
        # The call that made it is refused already.
        if any(isinstance(each, Opaque) for each in given):
            return [Opaque(result.shape) for result in call.results]
        self.check_writes()
        if all(result.number in self.trace.constants for result in call.results):
            return [ConstantTensor(self.trace.constants[result.number]) for result in call.results]
        # `given` may be empty: `torch.rand(5, 1, 1, 1)` has a row.
        if given and all(isinstance(each, Stateful | ConstantTensor | Computed) for each in given):
            return self.compute(args, kwargs, given)
        count = len(self.made)
        try:
            made = self.apply(TABLE.get(self.function), args, kwargs)
        except Refuse as refuse:
            terms = formulas.make_term(self, args, kwargs, self.refusal(refuse))
            if terms is None:
                raise
            made = terms
        else:
            # A view adds no layer, and completes no formula.
            if len(self.made) > count:
                made = [formulas.shorten(self, each) for each in made]
        return self.checked(made)

    def checked(self, made: list[Known]) -> list[Known]:
        """What the call made, its shapes held against PyTorch's. Raises Refuse."""
        self.check_precision(made)
        for known, result in zip(made, self.call.results, strict=True):
            if isinstance(known, Flow) and (shape := sizes_of(known.axes)) != result.shape:
                message = f"`{self.operator}` makes {result.shape} of what the language makes {shape}"
                raise Refuse("E1005", message)
        return made

    def check_precision(self, made: list[Known]) -> None:
        """Refuse a call that keeps fewer digits of a value, or of weights, than it had. Raises Refuse."""
        dtypes = [each.dtype for each in self.call.args if isinstance(each, Traced)]
        # Integers have 0 bits: a cast of them to float loses nothing, `x.to(torch.long)` does.
        given = max((bits(dtype) for dtype in dtypes), default=0)
        # `x > 0`, a part of a formula, is a truth and no cast of x.
        kinds = Flow | Stateful | (FormulaPart | Computed if self.function in IN_ORDER else Flow)
        for known, result in zip(made, self.call.results, strict=True):
            if isinstance(known, kinds) and bits(result.dtype) < given:
                raise Refuse("E1004", f"`{self.operator}` to {str(result.dtype).removeprefix('torch.')}")

    def check_writes(self) -> None:
        """Refuse a call that changes the module's state; the statistics of norms change. Raises Refuse."""
        # These move their running statistics, which is what the layer does, too.
        if self.operator in ("batch_norm", "instance_norm"):
            return
        for written in self.call.written:
            known = self.known.get(written.number)
            if isinstance(known, WeightTensor) and not known.key.endswith(COUNTER):
                raise Refuse("E1010", f"`{self.operator}` changes `{known.key}` while the network runs")

    def resolve(self, value: Any) -> Any:
        """Arguments, every tensor as what it is known to be. Raises Refuse."""
        return replaced(value, Traced, self.look)

    def look(self, traced: Traced) -> Known:
        """What a tensor is known to be. Raises Refuse."""
        if traced.is_stale:
            raise Refuse("E1010", "a value is used after another view of its memory was changed in place")
        return self.known.get(traced.number, UNNAMED)

    def compute(self, args: Any, kwargs: Any, given: Sequence[Known]) -> list[Known]:
        """What the call makes of weights alone: another view of one, or something computed."""
        first = given[0]
        if isinstance(first, WeightTensor) and first.key.endswith(COUNTER):
            # `num_batches_tracked.add_(1)` makes the counter.
            return [first for _ in self.call.results]
        made = weight_rows.compute(self.function, args, kwargs, self.call.results[0].shape)
        if made is not None:
            return self.checked([made])
        how = weight_rows.describe(self.operator, given)
        return self.checked(formulas.of_weights(self, args, kwargs, how))


ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input"}
"""NumPy's names of arguments, which PyTorch takes, too."""


def bits(dtype: torch.dtype) -> int:
    """How many bits a number with a point has; 0 of other types."""
    return torch.finfo(dtype).bits if dtype.is_floating_point else 0
