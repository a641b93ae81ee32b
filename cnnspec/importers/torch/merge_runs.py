"""Make one list of operations of a run in training and one in evaluation.

Training does all that evaluation does, and more: noise that evaluation passes by, outputs that it does not
return. Anything else is refused.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from cnnspec.importers.model import Operation, Output, Value, needed, sign_of
from cnnspec.importers.refusals import Refusal, Refused

NOISE = ("dropout", "stochasticdepth")


class TracedRun(NamedTuple):
    """One run of the module, lowered."""

    inputs: tuple[Value, ...]
    operations: list[Operation]
    outputs: tuple[Output, ...]


def merge(trained: TracedRun, evaluated: TracedRun) -> tuple[list[Operation], tuple[Output, ...]]:
    """The operations that an output needs, and the outputs, marked where they are for training alone.

    Raises Refused where evaluation is no part of training.
    """
    numbers: dict[Hashable, int] = {}
    ours, theirs = identify(trained, numbers), identify(evaluated, numbers)
    outputs = match(trained, evaluated, ours, theirs)
    lasting = needed(trained.operations, [output.value for output in outputs if not output.training])
    kept = {operation.output.number for operation in lasting}
    operations = [
        # An auxiliary classifier is of training, all of it that no lasting output needs.
        op._replace(training=op.layer.name in NOISE or op.output.number not in kept)
        for op in needed(trained.operations, [output.value for output in outputs])
    ]
    return operations, outputs


def identify(run: TracedRun, numbers: dict[Hashable, int]) -> dict[int, int]:
    """A number for every value: values that evaluation computes alike have the same, in both runs."""
    found = {
        value.number: numbers.setdefault(("input", i), len(numbers)) for i, value in enumerate(run.inputs)
    }
    for layer, inputs, output, keys, *_ in run.operations:
        sources = tuple(found[value.number] for value in inputs)
        if layer.name in NOISE:
            # In evaluation its input is in its place: what comes after has the same sign in both.
            found[output.number] = sources[0]
            continue
        sign = (sign_of(layer), tuple(keys.items()), sources)
        found[output.number] = numbers.setdefault(sign, len(numbers))
    return found


def match(
    trained: TracedRun, evaluated: TracedRun, ours: dict[int, int], theirs: dict[int, int]
) -> tuple[Output, ...]:
    """The outputs of training; those that evaluation returns, too, are not for training alone."""
    found = [output._replace(training=True) for output in trained.outputs]
    place = 0
    for output in evaluated.outputs:
        # Behind the last one found: evaluation may return fewer values, but in the order of training.
        same = (
            i for i in range(place, len(found)) if ours[found[i].value.number] == theirs[output.value.number]
        )
        if (at := next(same, None)) is None:
            raise Refused([difference(evaluated, ours, theirs)])
        found[at] = found[at]._replace(training=False, name=found[at].name or output.name)
        place = at + 1
    return tuple(found)


def difference(evaluated: TracedRun, ours: dict[int, int], theirs: dict[int, int]) -> Refusal:
    """The first operation that evaluation does and training does not."""
    known = set(ours.values())
    for operation in evaluated.operations:
        if theirs[operation.output.number] not in known:
            message = f"evaluation computes what training does not: `{operation.layer.name}`"
            return Refusal("E1009", message, operation.scopes, operation.place)
    return Refusal("E1009", "evaluation returns other values than training, or in another order")
