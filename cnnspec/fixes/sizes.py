"""Fixes for sizes that do not work out: another pad, kernel or input. All are found by trying."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec import syntax
from cnnspec.compiler import Checked
from cnnspec.diagnostics import Edit, Fix, Mismatch
from cnnspec.fixes.flow import heights, value_at
from cnnspec.fixes.inputs import inputs
from cnnspec.fixes.tree import (
    WINDOWED,
    Owner,
    Place,
    insert,
    keyword,
    literal,
    set_argument,
    sides,
    size_text,
    window_of,
    without,
)
from cnnspec.fixes.trial import Case, moved

_MOST_PADS = 24
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def features(case: Case) -> Iterator[Fix]:
    """E0410: `in=` claims other features."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    claim = keyword(call, "in")
    if claim is not None:
        edits = (without(claim.span),)
        told = case.fault.data
        inferred = f"{told.found} is inferred" if isinstance(told, Mismatch) else "it is inferred"
        yield Fix(f"drop `{claim.span.text}`: {inferred}", edits, safe=True)
    yield from pads(case, place.owner, call.span.start)
    yield from inputs(case, place.owner)


def windows(case: Case) -> Iterator[Fix]:
    """E0401: the window is larger than the padded map."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    kernel = window_of(call)
    if not call.name.name.endswith("pool"):
        yield from _first(pad_fixes(case, [(place, call)], call.span.start))
    if kernel is not None:
        yield from _first(_kernels(case, kernel))
    yield from inputs(case, place.owner)
    yield from pads(case, place.owner, call.span.start - 1)


def _kernels(case: Case, kernel: syntax.Literal) -> Iterator[Fix]:
    """Smaller windows, odd ones where it was odd, the largest first."""
    height, width = sides(kernel.value)
    for less in range(1, min(max(height, width) - 1, 16)):
        smaller = max(1, height - less), max(1, width - less)
        if (height % 2 and smaller[0] % 2 == 0) or (width % 2 and smaller[1] % 2 == 0):
            continue
        text = size_text(*smaller, like=kernel.value)
        edits = (Edit(kernel.span, text),)
        if case.mended(edits) is not None:
            yield Fix(f"a smaller window, `{text}`, fits", edits)


def pads(case: Case, owner: Owner, end: int) -> Iterator[Fix]:
    """The first pad on a convolution or a pool, up to the step at `end`, that mends the fault."""
    above = [
        (place, call)
        for place, call in case.tree.calls
        if (call.span.start <= end if place.owner is owner else isinstance(place.owner, syntax.Block))
    ]
    yield from _first(pad_fixes(case, above, end))


def pad_fixes(case: Case, calls: list[tuple[Place, syntax.Call]], end: int) -> Iterator[Fix]:
    """Pads that keep the size of what arrives first, then every other up to half the window."""
    keeping: list[tuple[Place, syntax.Call, tuple[int, int]]] = []
    others: list[tuple[Place, syntax.Call, tuple[int, int]]] = []
    for place, call in calls:
        kernel, given = window_of(call), keyword(call, "pad")
        if (
            call.name.name not in WINDOWED
            or kernel is None
            or (given is not None and literal(given.value) is None)
        ):
            continue
        dilation = keyword(call, "dilation")
        apart = literal(dilation.value) if dilation is not None else 1
        pool = call.name.name.endswith("pool")
        reach = [
            d * (k - 1) // 2 if not pool else k // 2
            for k, d in zip(sides(kernel.value), sides(apart or 1), strict=True)
        ]
        now, largest = literal(given.value) if given is not None else 0, max(reach) - 1
        tried = [(reach[0], reach[1]), *((p, p) for p in range(largest, max(0, largest - _MOST_PADS), -1))]
        usable = [(place, call, pad) for pad in tried if max(pad) > 0 and pad != sides(now or 0)]
        keeping += usable[:1]
        others += usable[1:]
    for place, call, pad in [*keeping, *others][:_MOST_PADS]:
        text = str(pad[0]) if pad[0] == pad[1] else f"{pad[0]}x{pad[1]}"
        edits = (set_argument(call, "pad", text),)
        after = case.mended(edits)
        if after is not None:
            outcome = _outcome(after, moved(end, edits)) if isinstance(place.owner, syntax.Net) else ""
            yield Fix(f"`pad={text}` on {_which(place, call, case)}{outcome}", edits)


def _which(place: Place, call: syntax.Call, case: Case) -> str:
    """`the first conv`, or, in a block, its line."""
    name = call.name.name
    if call.span.start <= case.fault.span.start < call.span.end:
        return f"this {name}"
    same = [other for at, other in case.tree.calls if at.owner is place.owner and other.name.name == name]
    index = next(i for i, other in enumerate(same) if other is call)
    where = "" if isinstance(place.owner, syntax.Net) else f" of {place.owner.name.name}"
    if len(same) == 1:
        return f"the {name}{where}"
    if index < len(_ORDINALS) and not place.around:
        return f"the {_ORDINALS[index]} {name}{where}"
    return f"the {name} in line {call.span.line}"


def _outcome(after: Checked, end: int) -> str:
    """` gives 28 28 14 10 5`: the sizes up to a place."""
    value = value_at(after, end)
    found = heights(value) if value is not None else []
    if not 1 < len(found) <= 8:
        return f" gives {value.shape}" if value is not None and value.shape is not None else ""
    return " gives " + " ".join(map(str, found))


def flat(case: Case) -> Iterator[Fix]:
    """E0406: a linear layer on a map."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    edits = (insert(call.span, place.step.span.start, "flatten, "),)
    if case.mended(edits) is not None:
        yield Fix(f"lay the map flat first: `flatten, {place.step.span.text}`", edits)
    edits = (set_argument(call, "pointwise", "yes"),)
    if case.mended(edits) is not None:
        yield Fix("`pointwise=yes` for the same layer on every pixel's channels", edits)


def vectors(case: Case) -> Iterator[Fix]:
    """E0405: a map is needed after `flatten`; let them change places."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    steps = [
        other for other in case.tree.places if other.owner is place.owner and other.around == place.around
    ]
    index = next(i for i, other in enumerate(steps) if other is place)
    before = steps[index - 1].call if index else None
    if before is not None and before.name.name == "flatten":
        edits = (Edit(before.span, call.span.text), Edit(call.span, "flatten"))
        if case.mended(edits) is not None:
            yield Fix(f"`{call.span.text}` first, then `flatten`", edits)


def demands(case: Case) -> Iterator[Fix]:
    """E0407: a `require` is not met; another input may meet it."""
    owners = [
        item
        for item in case.tree.file.items
        if isinstance(item, syntax.Net) and item.span.start <= case.fault.span.start < item.body.span.end
    ]
    yield from inputs(case, owners[0] if owners else None)


def _first(fixes: Iterator[Fix]) -> Iterator[Fix]:
    fix = next(fixes, None)
    if fix is not None:
        yield fix
