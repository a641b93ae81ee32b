"""Fixes for sizes that do not work out where no size is wanted: a pad, a smaller window, another input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnspec.faults.fixes.inputs import channels_last, inputs
from cnnspec.faults.fixes.syntax_tree import (
    WINDOWED,
    WrittenStep,
    insert,
    keyword,
    literal,
    set_argument,
    sides,
    size_text,
    window_of,
    without,
)
from cnnspec.faults.fixes.trial import Case
from cnnspec.faults.fixes.wording import list_changes, outcome, which
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Edit, Fix
from cnnspec.values.comparisons import Mismatch

_MOST_PADS = 24

Calls = Sequence[tuple[WrittenStep, syntax.Call]]


def drop_claim(case: Case) -> Iterator[Fix]:
    """E0410: `in=` claims other channels or features; it need not stand there."""
    claim, data = _claim(case), case.fault.data
    if claim is not None and isinstance(data, Mismatch):
        yield Fix(f"drop `{claim.span.text}`: {data.found} is inferred", (without(claim.span),))


def _claim(case: Case) -> syntax.Keyword | None:
    found = case.tree.call_at(case.fault.span)
    return keyword(found[1], "in") if found is not None else None


def own_pads(case: Case) -> Iterator[Fix]:
    """A pad on the layer at fault; a pool's own would be all it sees."""
    found = case.tree.call_at(case.fault.span)
    if found is not None and not found[1].name.name.endswith("pool"):
        yield from _pad_calls(case, [found], found[1].span.start)


def pads(case: Case) -> Iterator[Fix]:
    """A pad on a convolution or a pool before the fault, from the input on."""
    found = case.tree.call_at(case.fault.span)
    if found is not None:
        yield from _pad_calls(case, _above(case, *found), found[1].span.start - (case.fault.code == "E0401"))


def _above(case: Case, at: WrittenStep, fault: syntax.Call) -> Calls:
    """The calls before a call in its net or block, and those of all blocks."""
    end = fault.span.start - 1
    return [
        (place, call)
        for place, call in case.tree.calls
        if (call.span.start <= end if place.owner is at.owner else isinstance(place.owner, syntax.Block))
    ]


def _pad_calls(case: Case, calls: Calls, end: int) -> Iterator[Fix]:
    """Pads that keep the size of what arrives first, then every other up to half the window."""
    keeping: list[tuple[WrittenStep, syntax.Call, tuple[int, int]]] = []
    others: list[tuple[WrittenStep, syntax.Call, tuple[int, int]]] = []
    for place, call in calls:
        given = keyword(call, "pad")
        reach = _reach(call)
        if reach is None or (given is not None and literal(given.value) is None):
            continue
        now, largest = literal(given.value) if given is not None else 0, max(reach) - 1
        tried = [reach, *((p, p) for p in range(largest, max(0, largest - _MOST_PADS), -1))]
        usable = [(place, call, pad) for pad in tried if max(pad) > 0 and pad != sides(now or 0)]
        keeping += usable[:1]
        others += usable[1:]
    for place, call, pad in [*keeping, *others][:_MOST_PADS]:
        text = _square(pad)
        edits = (set_argument(call, "pad", text),)
        after = case.after_mending(edits)
        if after is not None:
            gives = outcome(after, end, edits) if isinstance(place.owner, syntax.Net) else ""
            yield Fix(f"`pad={text}` on {which(place, call, case)}{gives}", edits)


def _square(size: tuple[int, int]) -> str:
    return size_text(*size, like=0)


def _reach(call: syntax.Call) -> tuple[int, int] | None:
    """The pad that keeps the size at stride 1, of a pool the largest; None without a kernel in figures."""
    kernel = window_of(call)
    if call.name.name not in WINDOWED or kernel is None:
        return None
    height, width = sides(literal(kernel) or 1)
    if call.name.name.endswith("pool"):
        return height // 2, width // 2
    dilation = keyword(call, "dilation")
    down, across = sides((literal(dilation.value) if dilation is not None else 1) or 1)
    return down * (height - 1) // 2, across * (width - 1) // 2


def all_pads(case: Case) -> Iterator[Fix]:
    """A pad that keeps the size on every convolution before the fault that has an odd kernel and no pad."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    bare = [
        (place, call, pad)
        for place, call in [*_above(case, *found), found]
        if call.name.name in ("conv", "depthwise") and keyword(call, "pad") is None
        if (pad := _reach(call)) is not None and max(pad) > 0
    ]
    edits = tuple(set_argument(call, "pad", _square(pad)) for _, call, pad in bare)
    if len(edits) > 1:
        texts = {_square(pad) for _, _, pad in bare}
        title = list_changes([(f"pad={_square(pad)}", which(place, call, case)) for place, call, pad in bare])
        if len(texts) == 1:
            number = "both" if len(edits) == 2 else f"all {len(edits)}"
            title = f"`pad={texts.pop()}` on {number} convolutions up to here"
        yield Fix(title, edits)


def turn_window(case: Case) -> Iterator[Fix]:
    """A window along one axis that was meant along the other: height comes first."""
    found = case.tree.call_at(case.fault.span)
    kernel = window_of(found[1]) if found is not None else None
    if kernel is not None:
        height, width = sides(kernel.value)
        if height != width and 1 in (height, width):
            text = f"{width}x{height}"
            yield Fix(f"height comes first: `{text}`", (Edit(kernel.span, text),))


def shrink_window(case: Case) -> Iterator[Fix]:
    """Smaller windows, odd ones where it was odd, the largest first."""
    found = case.tree.call_at(case.fault.span)
    kernel = window_of(found[1]) if found is not None else None
    if kernel is None:
        return
    height, width = sides(kernel.value)
    for less in range(1, min(max(height, width) - 1, 16)):
        most = max(height, width) - less
        size = min(height, most), min(width, most)
        if (height % 2 and size[0] % 2 == 0) or (width % 2 and size[1] % 2 == 0):
            continue
        text = size_text(*size, like=kernel.value)
        yield Fix(f"a smaller window, `{text}`, fits", (Edit(kernel.span, text),))


def flat(case: Case) -> Iterator[Fix]:
    """E0406: a linear layer on a map; what its `in=` says of the map may have to go as well."""
    found = case.tree.call_at(case.fault.span)
    if found is None:
        return
    place, call = found
    insertion = insert(call.span, place.step.span.start, "flatten, ")
    yield from _with_or_without(
        case, insertion, "lay the map flat first", f": `flatten, {place.step.span.text}`"
    )


def pointwise(case: Case) -> Iterator[Fix]:
    """E0406: the same layer on every pixel's channels."""
    found = case.tree.call_at(case.fault.span)
    if found is not None:
        edit = set_argument(found[1], "pointwise", "yes")
        yield from _with_or_without(
            case, edit, "`pointwise=yes` for the same layer on every pixel's channels"
        )


def _with_or_without(case: Case, edit: Edit, title: str, alone: str = "") -> Iterator[Fix]:
    """The edit, with an `in=` that may have been true of the map alone, or without it."""
    yield Fix(title + alone, (edit,))
    claim = _claim(case)
    if claim is not None:
        yield Fix(f"{title}, and drop `{claim.span.text}`", (edit, without(claim.span)))


def exchange(case: Case) -> Iterator[Fix]:
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
        yield Fix(f"`{call.span.text}` first, then `flatten`", edits)


def pool_pads(case: Case) -> Iterator[Fix]:
    """E0303: a pool pads in numbers; at stride 1 there are some that keep the size, as "same" would."""
    found = case.tree.call_at(case.fault.span)
    given = keyword(found[1], "pad") if found is not None else None
    kernel = window_of(found[1]) if found is not None else None
    if found is None or given is None or kernel is None or found[1].name.name != "maxpool":
        return
    stride = keyword(found[1], "stride")
    if given.value.span.text != '"same"' or stride is None or literal(stride.value) not in (1, (1, 1)):
        return
    height, width = sides(kernel.value)
    ends = ((height - 1) // 2, height // 2, (width - 1) // 2, width // 2)
    is_even = height % 2 and width % 2
    text = _square((height // 2, width // 2)) if is_even else f"[{', '.join(map(str, ends))}]"
    yield Fix(f"`pad={text}` keeps the size", (Edit(given.value.span, text),))


def others(case: Case) -> Iterator[Fix]:
    """Another input, of the net that the fault stands in."""
    inside = [
        item
        for item in case.tree.file.items
        if isinstance(item, syntax.Net) and item.span.start <= case.fault.span.start < item.body.span.end
    ]
    owner = inside[0] if inside else None
    yield from channels_last(case, owner)
    yield from inputs(case, owner)
