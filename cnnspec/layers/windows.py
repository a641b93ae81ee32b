"""Which pixels of a layer's input its output pixels read, along one axis; borders are left out of account."""

from __future__ import annotations

import math
from typing import NamedTuple

from cnnspec.values.shapes import effective

LONGEST = 4096
"""Pixels after which windows have to repeat."""


class Irregular(Exception):
    """The windows of neighbouring pixels do not repeat, or only after very many."""


class Window(NamedTuple):
    """Output pixel q + i*len(first) reads the input's pixels first[q] + i*step to last[q] + i*step."""

    step: int
    first: tuple[int, ...]
    last: tuple[int, ...]


SAME = Window(1, (0,), (0,))


class Pace(NamedTuple):
    """Along one axis: of a map `step` pixels larger a layer makes one that is `gain` pixels larger."""

    step: int
    gain: int


STILL, ALONG = Pace(1, 0), Pace(1, 1)


def stretched(factor: float) -> Pace | None:
    """The pace of floor(n*factor); None where that is not computed without a rounding error."""
    # 1.5 is 3/2; 1.1 in binary is 2476979795053773/2**51, of which no period can be made.
    gain, step = float(factor).as_integer_ratio()
    return Pace(step, gain) if step <= LONGEST and gain < 2**22 else None  # so n*factor is exact below 2**31


def period(length: int) -> range:
    """The pixels of a period. Raises Irregular."""
    if length > LONGEST:
        raise Irregular
    return range(length)


def sliding(k: int, s: int = 1, d: int = 1, lo: int = 0) -> Window:
    """The window of a convolution or a pool: kernel k, stride s, dilation d, low padding lo."""
    return Window(s, (-lo,), (effective(k, d) - 1 - lo,))


def shifted(by: int) -> Window:
    """Each pixel is the input's pixel so far on."""
    return Window(1, (by,), (by,))


def transposed(k: int, s: int, d: int, p: int) -> Window:
    """What a transposed convolution adds up: pixel i puts tap t at i*s - p + t*d.

    Where the stride leaves gaps between the kernels, nothing is read: the pixel before counts.
    """
    # Of the taps of one pixel a dict keeps the last: for the least they come in reverse.
    pixels = period(s)
    least = {
        (t * d - p) % s: t for t in reversed(range(min(k, s)))
    }  # by pixel; the taps repeat after s of them
    most = {(t * d - p) % s: t for t in range(max(0, k - s), k)}
    # 3 taps, 2 apart, p = 1: pixel 1 reads from (1 + 1 - 2)//2 = 0 by tap 2 to (1 + 1 - 0)//2 = 1 by tap 0.
    first = tuple((q + p - most.get(q, 0) * d) // s for q in pixels)
    return Window(1, first, tuple((q + p - least.get(q, 0) * d) // s for q in pixels))


def resized(n: int, o: int, linear: bool = False, centred: bool = False) -> Window:
    """Output pixel q is at q*n/o of the input, or, centred, at (q + 1/2)*n/o - 1/2.

    It is read from the pixel there or before; linear: from those on both sides.
    """
    common = math.gcd(n, o)
    n, o = n // common, o // common
    # From 4 to 6, centred: pixel 0 is at (1*2 - 3)/6 = -1/6, so between -1 and 0.
    places = [(2 * q + 1) * n - o if centred else 2 * q * n for q in period(o)]  # in units of 1/(2*o)
    first = tuple(place // (2 * o) for place in places)
    return Window(n, first, tuple(-(-place // (2 * o)) for place in places) if linear else first)


def whole_window(k: int) -> Window:
    """Every pixel reads the window of k that it lies in; windows stand side by side."""
    pixels = len(period(k))
    return Window(k, (0,) * pixels, (k - 1,) * pixels)


def tiled(n: int, o: int) -> Window:
    """The windows of adaptive pooling from n to o pixels: j*n//o up to, not including, ceil((j + 1)*n/o)."""
    common = math.gcd(n, o)
    turns = period(o // common)
    # From 7 to 3: 0 to 2, 2 to 4, 4 to 6.
    first = tuple(j * n // o for j in turns)
    return Window(n // common, first, tuple(-(-(j + 1) * n // o) - 1 for j in turns))
