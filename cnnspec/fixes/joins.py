"""Fixes for joins whose paths do not fit: a pad, a stride, a projection on the short path, another input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from cnnspec import syntax
from cnnspec.diagnostics import Edit, Fix
from cnnspec.fixes.inputs import inputs
from cnnspec.fixes.sizes import pad_fixes
from cnnspec.fixes.tree import Place, keyword, literal, set_argument
from cnnspec.fixes.trial import Case


def joins(case: Case) -> Iterator[Fix]:
    """E0402: the paths of a join have different shapes."""
    found = case.tree.call_at(case.fault.span)
    if found is None or found[1].body is None:
        return
    place, join = found
    inside = [(at, call) for at, call in case.tree.calls if place.step in at.around]
    yield from islice(pad_fixes(case, inside, join.span.start), 1)
    yield from projections(case, join, place)
    yield from islice(strides(case, inside), 1)
    yield from inputs(case, place.owner)


def strides(case: Case, calls: list[tuple[Place, syntax.Call]]) -> Iterator[Fix]:
    """A stride of 1 where a path alone strides, or where a pool forgot that its stride is its window."""
    for _, call in calls:
        given = keyword(call, "stride")
        if given is None and not call.name.name.endswith("pool"):
            continue
        if given is not None and literal(given.value) in (None, 1):
            continue
        edits = (set_argument(call, "stride", "1"),)
        if case.mended(edits) is not None:
            yield Fix(f"`stride=1` on the {call.name.name} in line {call.span.line}", edits)


def projections(case: Case, join: syntax.Call, place: Place) -> Iterator[Fix]:
    """A 1x1 convolution in the place of `identity`, as He et al. 2016 do, where the other path strides."""
    assert join.body is not None
    short = [call for call in map(_identity, join.body.paths) if call is not None]
    long = [path for path in join.body.paths if _identity(path) is None]
    if len(short) != 1 or len(long) != 1:
        return
    calls = [step.action for step in _steps(long[0]) if isinstance(step.action, syntax.Call)]
    filters = [call.positional[0] for call in calls if call.name.name == "conv" and call.positional]
    steps = [given.value for call in calls if (given := keyword(call, "stride")) is not None]
    if not filters or not isinstance(filters[-1], syntax.FilterOf) or len(steps) > 1:
        return
    width = filters[-1].count.span.text
    normed = any(call.name.name == "batchnorm" for call in calls)
    stride = f" stride={steps[0].span.text}" if steps else ""
    conv = f"conv {width}@1x1{stride}" + (" bias=no, batchnorm" if normed else "")
    text = conv
    if isinstance(place.owner, syntax.Block) and place.owner.parameters:
        # One text serves uses that change the shape and uses that do not: the latter keep their identity.
        tests = [f"{steps[0].span.text} != 1"] if steps and literal(steps[0]) is None else []
        text = f"if {' or '.join([*tests, f'in.channels != {width}'])} {{ {conv} }} else {{ identity }}"
    edits = (Edit(short[0].span, text),)
    if case.mended(edits) is not None:
        yield Fix("project the short path where the other changes the shape", edits)


def _identity(path: syntax.Path) -> syntax.Call | None:
    """The `identity` that is a whole path."""
    steps = _steps(path)
    call = steps[0].action if len(path.statements) == len(steps) == 1 else None
    return call if isinstance(call, syntax.Call) and call.name.name == "identity" else None


def _steps(path: syntax.Path) -> list[syntax.Step]:
    return [step for each in path.statements if isinstance(each, syntax.Chain) for step in each.steps]
