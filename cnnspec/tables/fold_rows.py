"""Equal rows after each other become one that tells how many: `1…35 ×35`.

Equal are the same layers with the same windows on maps of the same height and width. Channels may differ.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from cnnspec.tables.rows import Item, LayerRow, RowGroup, rows_of, sums

LONGEST = 12  # items of a pattern
FEWEST = 8  # so often single layers have to repeat: fewer are worth their rows


def fold(items: Sequence[Item]) -> tuple[Item, ...]:
    """Fold on every level, the innermost first."""
    items = [item._replace(items=fold(item.items)) if isinstance(item, RowGroup) else item for item in items]
    keys = [signature(item) for item in items]
    found: list[Item] = []
    place = 0
    while place < len(items):
        length, times = repetition(items, keys, place)
        copies = [items[place + turn * length : place + (turn + 1) * length] for turn in range(times)]
        made = [merge_copies([copy[i] for copy in copies]) for i in range(length)]
        if length > 1:
            name = name_range([copies[0][0].name, copies[-1][-1].name])
            found.append(RowGroup("", name, "", tuple(made), times))
        else:
            found += made
        place += length * times
    return tuple(found)


def repetition(items: Sequence[Item], keys: Sequence[Hashable], place: int) -> tuple[int, int]:
    """Length and count of the shortest pattern that repeats from here; (1, 1) where none does."""
    # The shortest first: `a a a a` is four of one, not two of two.
    for length in range(1, LONGEST + 1):
        pattern, times = keys[place : place + length], 1
        while keys[place + times * length : place + (times + 1) * length] == pattern and continues(
            items[place + times * length - 1], items[place + times * length]
        ):
            times += 1
        blocks = any(isinstance(item, RowGroup) for item in items[place : place + length])
        if times >= (2 if blocks else FEWEST):
            return length, times
    return 1, 1


def continues(before: Item, item: Item) -> bool:
    """Whether the item works on what the one before it makes, or, where a fault hides both, may do so."""
    *_, last = rows_of([before])
    first = next(rows_of([item]))
    return last.maker in first.inputs or (last.output is None and first.output is None)


def signature(item: Item) -> Hashable:
    if isinstance(item, RowGroup):
        return item.layer, item.times, tuple(map(signature, item.items))
    size = item.output and item.output[1:]
    return item.layer, item.kernel, item.stride, item.pad, size, item.times, item.shared, item.idle


def merge_copies(copies: list[Item]) -> Item:
    """Equal items as one."""
    first, last = copies[0], copies[-1]
    if len(copies) == 1:
        return first
    path, name = name_range([item.path for item in copies]), name_range([item.name for item in copies])
    if isinstance(first, RowGroup):
        inner = zip(*(copy.items for copy in copies if isinstance(copy, RowGroup)), strict=True)
        items = tuple(per_copy(merge_copies(list(same)), len(copies)) for same in inner)
        return first._replace(path=path, name=name, items=items, times=first.times * len(copies))
    rows = [copy for copy in copies if isinstance(copy, LayerRow)]
    assert isinstance(last, LayerRow)
    return last._replace(
        path=path,
        name=name,
        first=rows[0].first,
        times=first.times * len(copies),
        inputs=rows[0].inputs,
        **sums(rows),
    )


def per_copy(item: Item, times: int) -> Item:
    """An item of a section that tells itself how often it is there."""
    return item._replace(times=item.times // times)


def name_range(names: list[str]) -> str:
    """`denselayer2…6` of denselayer2, …, denselayer6; `layer3.1…35.conv1` of paths."""
    first, last = names[0], names[-1]
    if first == last:
        return first
    # layer3.1.conv1 to layer3.35.conv1: ["layer", "3", ".", "1", ".conv", "1"], where "1" and "35" differ.
    one, two = re.findall(r"\d+|\D+", first), re.findall(r"\d+|\D+", last)
    unlike = [i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    if len(one) == len(two) and len(unlike) == 1 and one[unlike[0]].isdecimal():
        one[unlike[0]] += "…" + two[unlike[0]]
        return "".join(one)
    if len(first) == len(last) and first[:-1] == last[:-1]:
        return f"{first}…{last[-1]}"
    return f"{first}…{last}"
