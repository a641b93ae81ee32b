"""Shapes of one image's values, and the output-size formulas, in integers.

Names per axis: n input, k kernel, s stride, d dilation, lo and hi the padding of either side,
o output, e = d*(k-1) + 1 the effective kernel.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnspec.values.kinds import Filter, is_integer


class Shape(NamedTuple):
    """A feature map `C@HxW`, or, without height and width, a vector of C features.

    The batch axis N is always free, always first, and never written.
    """

    channels: int
    height: int | None = None
    width: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a map. Raises TypeError for a vector."""
        if self.height is None or self.width is None:
            raise TypeError("a vector has no height and width")
        return self.height, self.width

    @property
    def is_map(self) -> bool:
        return self.height is not None

    @property
    def features(self) -> int:
        """The number of values of one image."""
        if self.height is None or self.width is None:
            return self.channels
        return self.channels * self.height * self.width

    def with_size(self, height: int, width: int) -> Shape:
        return Shape(self.channels, height, width)

    def with_channels(self, channels: int) -> Shape:
        return Shape(channels, self.height, self.width)

    @property
    def dimensions(self) -> list[int]:
        """[C, H, W], or [C] for a vector."""
        return [int(self.channels)] if self.height is None else [int(v) for v in self if v is not None]

    def __str__(self) -> str:
        if self.height is None:
            return str(self.channels)
        return f"{self.channels}@{self.height}x{self.width}"


def as_shape(value: Any) -> Shape | None:
    """`16@5x5` or `400` as a shape; None of other values."""
    if isinstance(value, Filter):
        return Shape(value.count, *value.kernel)
    return Shape(value) if is_integer(value) else None


def plain_shape(shape: Shape) -> Shape:
    """The shape without the names that its channels were computed from."""
    return shape if type(shape.channels) is int else shape._replace(channels=int(shape.channels))


def effective(k: int, d: int) -> int:
    """The extent of a dilated kernel, e = d*(k-1) + 1."""
    return d * (k - 1) + 1


def conv_size(n: int, k: int, s: int = 1, d: int = 1, lo: int = 0, hi: int = 0) -> int:
    """Dumoulin and Visin 2016, relationship 6: o = (n + lo + hi - e)//s + 1; 0: it does not fit."""
    # Whether it fits is asked, not computed: of a room of -3 at stride 2 `//` would make -3//2 + 1 = -1.
    room = n + lo + hi - effective(k, d)
    # n=224, k=7, s=2, lo=hi=3: (230 - 7)//2 + 1 = 112.
    return room // s + 1 if room >= 0 else 0


def pool_size(
    n: int, k: int, s: int, d: int = 1, p: int = 0, ceil: bool = False, hi: int | None = None
) -> int:
    """As conv_size; with ceil=yes a last window may hang over, if it starts in the map or its low pad.

    p is the padding of either side, unless hi is that of the far one.
    """
    room = n + p + (p if hi is None else hi) - effective(k, d)
    if room < 0 and not ceil:
        return 0
    # n=6, k=3, s=2: 3 // 2 + 1 = 2 windows, with ceil (3 + 1) // 2 + 1 = 3.
    o = (room + (s - 1 if ceil else 0)) // s + 1
    # n=5, k=2, s=3, p=1 has room for 3 windows, from -1, 2 and 5: the last would see padding alone.
    if ceil and (o - 1) * s >= n + p:
        o -= 1
    return max(o, 0)


def transposed_size(n: int, k: int, s: int = 1, d: int = 1, p: int = 0, extra: int = 0) -> int:
    """Dumoulin and Visin 2016, relationship 14: o = (n-1)*s - 2p + e + extra."""
    # n=14, k=3, s=2, p=1, extra=1: 13*2 - 2 + 3 + 1 = 28.
    return (n - 1) * s - 2 * p + effective(k, d) + extra


def unread(n: int, o: int, k: int, s: int = 1, d: int = 1, lo: int = 0) -> int:
    """How many of the last of n pixels no window reaches; 0 where a stride leaves gaps between windows, too.

    The last window ends before (o - 1)*s + e - lo.
    """
    e = effective(k, d)
    # n=8, k=3, s=2: 3 windows end before 2*2 + 3 = 7, so one pixel is left.
    return max(0, n + lo - (o - 1) * s - e) if e >= s else 0


def same_padding(n: int, k: int, s: int = 1, d: int = 1) -> tuple[int, int]:
    """The low and high pad with which o = ceil(n/s); the odd one goes to the far side."""
    # n=224, k=3, s=2: (112 - 1)*2 + 3 - 224 = 1, so 0 before and 1 behind.
    total = max(0, (-(-n // s) - 1) * s + effective(k, d) - n)
    return total // 2, total - total // 2


def percentage(part: int, whole: int, digits: int = 0) -> str:
    """A part in hundredths, rounded: only all of the whole is 100, and only nothing of it 0."""
    unit = 10**digits
    rounded = round(100 * unit * part / whole)
    if rounded == 100 * unit and part < whole:
        return f">{100 - 1 / unit:.{digits}f}"
    if rounded == 0 and part > 0:
        return f"<{1 / unit:.{digits}f}"
    return f"{rounded / unit:.{digits}f}"
