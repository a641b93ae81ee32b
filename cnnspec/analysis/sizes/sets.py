"""Sets of sizes in few words: from 12; 32 to 35; from 16 in steps of 16. They are those sets exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Stretch(NamedTuple):
    """`length` sizes from `first` on; where `step` is not 0, again so many every `step`, without an end."""

    first: int
    length: int
    step: int = 0

    @property
    def last(self) -> int:
        return self.first + self.length - 1

    def members(self, end: int) -> Iterator[int]:
        """Its sizes up to `end`."""
        # Without a step the next start would lie behind the end.
        for start in range(self.first, end + 1, self.step or end + 1):
            yield from range(start, min(start + self.length, end + 1))


def members(stretches: Iterable[Stretch], end: int) -> set[int]:
    return {size for stretch in stretches for size in stretch.members(end)}


def stretches(sizes: Iterable[int], end: int) -> tuple[Stretch, ...]:
    """The stretches whose members up to `end` are these sizes, each at least 1 and at most `end`.

    The last of them have no end if the sizes go on to `end` as they do in the last three steps or more, and
    in the last eighth of all sizes.
    """
    bits = sum(1 << size for size in set(sizes))
    start, step = _tail(bits, end)
    head = list(_ranges(bits & ((1 << start) - 1)))
    window = (bits >> start) & ((1 << step) - 1)
    if step == 1 and window:
        before = head.pop() if head and head[-1].last == start - 1 else None
        return (*head, Stretch(before.first if before else start, 1, 1))
    tail = [Stretch(start + found.first, found.length, step) for found in _ranges(window)]
    return (*head, *tail)


def _tail(bits: int, end: int) -> tuple[int, int]:
    """From where on the sizes repeat, and after how many; end + 1 where they do not.

    A step that holds in half of all sizes comes before a smaller one that holds in the last eighth alone: the
    sizes up to 96 that leave 0, 2, 4, 7, 9 or 11 of 13 end as if every second one were valid.
    """
    late: tuple[int, int] | None = None
    for step in range(1, end // 3 + 1):
        # Bit n says that n and n + step are unlike: behind the last of these all repeats.
        # Bit 0 is no size: for multiples of 16 it would be unlike bit 16.
        changes = (bits ^ (bits >> step)) & ((1 << (end - step + 1)) - 1) & ~1
        start = changes.bit_length() if changes else 1  # behind the last size that is unlike the next
        room = end - start + 1
        if room >= max(3 * step, end // 8):
            found = start + _offset(bits >> start, step), step
            if room >= end // 2:
                return found
            late = late or found
    return late or (end + 1, 1)


def _offset(bits: int, step: int) -> int:
    """How far on the first of the sizes is behind one that is not: there the step begins."""
    window = bits & ((1 << step) - 1)
    if not window or step == 1:
        return 0
    # Of 8, 11, 12, 15, 16, … the 8 is the end of a pair: behind it the step begins, at 11.
    gaps = ~bits
    gap = (gaps & -gaps).bit_length() - 1 if bits & 1 else 0
    rest = bits >> gap
    return gap + (rest & -rest).bit_length() - 1


def _ranges(bits: int) -> Iterator[Stretch]:
    first = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        # The lowest bit that is missing ends the row: of ...0111 that is bit 3.
        gaps = ~bits
        length = (gaps & -gaps).bit_length() - 1
        yield Stretch(first + skip, length)
        bits >>= length
        first += skip + length
