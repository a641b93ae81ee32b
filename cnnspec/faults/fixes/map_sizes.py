"""Fixes for sizes that do not work out where no size is wanted: a pad, a smaller window, another input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from cnnspec.faults.fixes.inputs import channels_last, inputs
from cnnspec.faults.fixes.syntax_tree import (
    WINDOWED,
    WrittenCall,
    keyword,
    literal,
    set_argument,
    sides,
    size_text,
    window_of,
)
from cnnspec.faults.fixes.trial import Case, of_call
from cnnspec.faults.fixes.wording import list_changes, try_changes
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, delete, insert
from cnnspec.values.comparisons import Mismatch

_MOST_PADS = 24


@of_call
def drop_claim(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0410: `in=` claims other channels or features; it need not stand there."""
    claim, data = keyword(at.call, "in"), case.fault.data
    if claim is not None and isinstance(data, Mismatch):
        yield Fix(f"drop `{claim.span.text}`: {data.found} is inferred", (delete(claim.span),))


@of_call
def own_pads(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A pad on the layer at fault; a pool's own would be all it sees."""
    if not at.call.name.name.endswith("pool"):
        yield from _pad_calls(case, [at], at.call.span.start)


@of_call
def pads(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A pad on a convolution or a pool before the fault, from the input on."""
    yield from _pad_calls(case, _above(case, at), at.call.span.start)


def _above(case: Case, at: WrittenCall) -> list[WrittenCall]:
    """The calls before a call in its net or block, and those of all blocks."""
    start = at.call.span.start
    return [
        each
        for each in case.tree.calls
        if (each.call.span.start < start if each.owner is at.owner else isinstance(each.owner, syntax.Block))
    ]


def _pad_calls(case: Case, calls: Sequence[WrittenCall], end: int) -> Iterator[Fix]:
    """Pads that keep the size of what arrives first, then every other up to half the window."""
    keeping: list[tuple[WrittenCall, tuple[int, int]]] = []
    others: list[tuple[WrittenCall, tuple[int, int]]] = []
    for at in calls:
        given = keyword(at.call, "pad")
        reach = _reach(at.call)
        if reach is None or (given is not None and literal(given.value) is None):
            continue
        now, largest = literal(given.value) if given is not None else 0, max(reach) - 1
        tried = [reach, *((p, p) for p in range(largest, max(0, largest - _MOST_PADS), -1))]
        usable = [(at, pad) for pad in tried if max(pad) > 0 and pad != sides(now or 0)]
        keeping += usable[:1]
        others += usable[1:]
    for at, pad in [*keeping, *others][:_MOST_PADS]:
        text = size_text(*pad)
        # In a block the sizes are others at each use.
        sizes_up_to = end if isinstance(at.owner, syntax.Net) else None
        yield from try_changes(
            case, [(f"pad={text}", at)], (set_argument(at.call, "pad", text),), sizes_up_to
        )


def _reach(call: syntax.Call) -> tuple[int, int] | None:
    """The pad that keeps the size at stride 1, of a pool the largest; None without a kernel in figures."""
    kernel = window_of(call)
    if call.name.name not in WINDOWED or kernel is None:
        return None
    height, width = sides(literal(kernel) or 1)
    if call.name.name.endswith("pool"):
        return height // 2, width // 2
    dilation = keyword(call, "dilation")
    # A 3x3 with dilation 2 is 5 wide: 2*(3 - 1)//2 = 2 on each side.
    down, across = sides((literal(dilation.value) if dilation is not None else 1) or 1)
    return down * (height - 1) // 2, across * (width - 1) // 2


@of_call
def all_pads(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A pad that keeps the size on every convolution before the fault that has an odd kernel and no pad."""
    bare = [
        (f"pad={size_text(*pad)}", each)
        for each in [*_above(case, at), at]
        if each.call.name.name in ("conv", "depthwise") and keyword(each.call, "pad") is None
        if (pad := _reach(each.call)) is not None and max(pad) > 0
    ]
    edits = tuple(insert(each.call.span.source, each.call.span.end, f" {text}") for text, each in bare)
    if len(edits) > 1:
        title, texts = list_changes(case, bare), {text for text, _ in bare}
        if len(texts) == 1:
            number = "both" if len(edits) == 2 else f"all {len(edits)}"
            title = f"`{texts.pop()}` on {number} convolutions up to here"
        yield Fix(title, edits)


@of_call
def turn_window(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A window along one axis that was meant along the other: height comes first."""
    kernel = window_of(at.call)
    if kernel is not None:
        height, width = sides(kernel.value)
        if height != width and 1 in (height, width):
            text = f"{width}x{height}"
            yield Fix(f"height comes first: `{text}`", (Edit(kernel.span, text),))


@of_call
def shrink_window(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """Smaller windows, odd ones where it was odd, the largest first."""
    kernel = window_of(at.call)
    if kernel is None:
        return
    height, width = sides(kernel.value)
    for less in range(1, min(max(height, width) - 1, 16)):
        # The longer side shrinks first: 5x3 to 3x3.
        most = max(height, width) - less
        size = min(height, most), min(width, most)
        if (height % 2 and size[0] % 2 == 0) or (width % 2 and size[1] % 2 == 0):
            continue
        text = size_text(*size, like=kernel.value)
        yield Fix(f"a smaller window, `{text}`, fits", (Edit(kernel.span, text),))


@of_call
def flat(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0406: a linear layer on a map; what its `in=` says of the map may have to go as well."""
    edit = insert(at.call.span.source, at.step.span.start, "flatten, ")
    yield from _with_or_without(at.call, edit, "lay the map flat first", f": `flatten, {at.step.span.text}`")


@of_call
def pointwise(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0406: the same layer on every pixel's channels."""
    edit = set_argument(at.call, "pointwise", "yes")
    yield from _with_or_without(at.call, edit, "`pointwise=yes` for the same layer on every pixel's channels")


def _with_or_without(call: syntax.Call, edit: Edit, title: str, alone: str = "") -> Iterator[Fix]:
    """The edit, with an `in=` that may have been true of the map alone, or without it."""
    yield Fix(title + alone, (edit,))
    claim = keyword(call, "in")
    if claim is not None:
        yield Fix(f"{title}, and drop `{claim.span.text}`", (edit, delete(claim.span)))


@of_call
def exchange(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0405: a map is needed after `flatten`; let them change places."""
    beside = [each.step for each in case.tree.places if (each.around, each.owner) == (at.around, at.owner)]
    index = next(i for i, step in enumerate(beside) if step is at.step)
    flatten = beside[index - 1].action if index else None
    if isinstance(flatten, syntax.Call) and flatten.name.name == "flatten":
        edits = (Edit(flatten.span, at.call.span.text), Edit(at.call.span, "flatten"))
        yield Fix(f"`{at.call.span.text}` first, then `flatten`", edits)


@of_call
def map_input(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0405: `input 28`, `input 784` for a picture of one channel."""
    for call in case.tree.inputs(at.owner):
        count = literal(call.positional[0]) if len(call.positional) == 1 else None
        if isinstance(count, int):
            # 784 features were 28x28 pixels, or the side of a map was meant.
            root = math.isqrt(count)
            for side in [root] * (root**2 == count) + [count]:
                edit = Edit(call.positional[0].span, f"1@{side}x{side}")
                yield Fix(f"a picture of one channel is `input {edit.text}`", (edit,))


@of_call
def pool_pads(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """E0303: a pool pads in numbers; at stride 1 there are some that keep the size, as "same" would."""
    given, stride, kernel = keyword(at.call, "pad"), keyword(at.call, "stride"), window_of(at.call)
    if given is None or stride is None or kernel is None or at.call.name.name != "maxpool":
        return
    if given.value.span.text != '"same"' or literal(stride.value) not in (1, (1, 1)):
        return
    height, width = sides(kernel.value)
    # Of 3x3 1 on all sides; of 2x2 [0, 1, 0, 1].
    ends = ((height - 1) // 2, height // 2, (width - 1) // 2, width // 2)
    is_even = height % 2 and width % 2
    text = size_text(height // 2, width // 2) if is_even else f"[{', '.join(map(str, ends))}]"
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
