"""How the numbers of a value lie on the axes of a tensor: views and permutations only edit this.

An axis is a product of atoms, outermost first. An atom is a digit of a coordinate: of axis `C` of the value,
(c // stride) % size. So `x.view(n, 2, c // 2, h, w).transpose(1, 2)` of 6 channels has the axes
(N) (C:1:3) (C:3:2) (H) (W). Atoms of size 1 are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from cnnspec.values.shapes import Shape


class Atom(NamedTuple):
    axis: str  # N, C, H or W
    stride: int
    size: int

    def without(self, digit: Atom) -> Atom:
        """This atom where a digit is fixed, and left out of the coordinate."""
        # 12 channels are (C:4:3) (C:2:2) (C:1:2); with the middle digit fixed, 6 are left: (C:2:3) (C:1:2).
        is_outer = digit.axis == self.axis and self.stride > digit.stride
        return self._replace(stride=self.stride // digit.size) if is_outer else self


# ((N:1:5), (C:1:6), (), (W:1:7)) is a tensor (5, 6, 1, 7): an axis of size 1 has no atoms.
Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]


ANY = "*"
"""The axis of an atom along which all numbers of a value are the same."""


class Uneven(Exception):
    """A reshape splits axes at places that are no products of their sizes."""


def axes_of(shape: Shape, batch: int) -> Axes:
    """The axes of a value as it is made: (N, C, H, W), or (N, C) of a vector."""
    return tuple(whole(name, size) for name, size in zip("NCHW", (batch, *shape.dimensions), strict=False))


def whole(name: str, size: int) -> Axis:
    """All of a coordinate."""
    return joined([Atom(name, 1, size)])


def joined(atoms: Sequence[Atom]) -> Axis:
    """Atoms as few as may be: those of size 1 are left out, neighbours that continue each other are one."""
    found: list[Atom] = []
    for atom in atoms:
        if atom.size == 1:
            continue
        last = found[-1] if found else None
        # (C:3:2) (C:1:3) is c // 3, then c % 3, together c: (C:1:6). (C:1:3) (C:3:2) is a shuffle and stays.
        if last and last.axis == atom.axis and last.stride == atom.stride * atom.size:
            found[-1] = Atom(atom.axis, atom.stride, last.size * atom.size)
        else:
            found.append(atom)
    return tuple(found)


def size_of(axis: Axis) -> int:
    return math.prod(atom.size for atom in axis)


def sizes_of(axes: Axes) -> tuple[int, ...]:
    return tuple(map(size_of, axes))


def reshape(axes: Axes, sizes: Sequence[int]) -> Axes:
    """The axes after a reshape to these sizes, none of them -1. Raises Uneven."""
    atoms = [atom for axis in axes for atom in axis]
    found = []
    for size in sizes:
        taken: list[Atom] = []
        # Of (C:1:6) size 2 takes (C:3:2), and size 3 the (C:1:3) that is left; size 1 takes nothing.
        while size > 1:
            if not atoms:
                raise Uneven
            outer, rest = split(atoms.pop(0), size)
            taken.append(outer)
            size //= outer.size
            if rest is not None:
                atoms.insert(0, rest)
        found.append(joined(taken))
    return tuple(found)


def split(atom: Atom, size: int) -> tuple[Atom, Atom | None]:
    """The outer part of an atom that an axis of this size takes, and what is left of it. Raises Uneven."""
    # The atom is a factor of the size, and the next atoms have to make up the rest: (H:1:4) of size 12.
    if size % atom.size == 0:
        return atom, None
    if atom.size % size:  # 6 channels in 4 parts
        raise Uneven
    inner = atom.size // size
    return Atom(atom.axis, atom.stride * inner, size), Atom(atom.axis, atom.stride, inner)


def permute(axes: Axes, order: Sequence[int]) -> Axes:
    return tuple(axes[place] for place in order)


def insert(axes: Axes, place: int) -> Axes:
    """With an axis of size 1 before the place."""
    return (*axes[:place], (), *axes[place:])


def remove(axes: Axes, places: Sequence[int]) -> Axes:
    """Without the axes at these places."""
    return tuple(axis for place, axis in enumerate(axes) if place not in places)


def together(several: list[Axes]) -> Axes | None:
    """The axes of what values make element by element; None where they do not lie alike, or are none."""
    depth = max(map(len, several), default=0)
    # Axes are missing in front, as where PyTorch broadcasts (8, 1, 1) against (5, 8, 4, 4).
    full = [((),) * (depth - len(axes)) + axes for axes in several]
    # `join` keeps the atoms of the first, so those that say only "the same all along" come last.
    full.sort(key=lambda axes: any(atom.axis == ANY for axis in axes for atom in axis))
    merged = [reduce(join, axes) for axes in zip(*full, strict=True)]
    return tuple(axis for axis in merged if axis is not None) if merged and None not in merged else None


def join(ours: Axis | None, theirs: Axis | None) -> Axis | None:
    """The axis that two axes are, one of them of size 1, or of numbers that are the same; else None."""
    if not ours or not theirs:
        return None if ours is None or theirs is None else ours or theirs
    left = list(ours)
    for atom in theirs:
        if not left:
            return None
        try:
            # Split as the other axis is: (C:1:6) meets (C:3:2 C:1:3) as (C:3:2) and (C:1:3).
            outer, rest = split(left.pop(0), atom.size)
        except Uneven:
            return None
        if outer != atom and ANY not in (outer.axis, atom.axis):
            return None
        left = [rest, *left] if rest is not None else left
    return None if left else ours


def places_of_channels(axes: Axes, shape: tuple[int, ...], count: int) -> list[int] | None:
    """Where a tensor that meets a value on these axes has a number for each of so many channels.

    Nowhere of a tensor of one number; None where it has several along another axis, or too many axes.
    """
    # (8, 1, 1) beside (N) (C) (H) (W) is (1, 8, 1, 1): place 1. (8,) would be along W.
    full = (1,) * (len(axes) - len(shape)) + shape
    places = [place for place, size in enumerate(full) if size > 1]
    is_fit = len(full) == len(axes) and all(axes[place] == whole("C", count) for place in places)
    return places if is_fit else None


def flattened(natural: Axes) -> Axes:
    """The axes of a map as it is made, all but the batch's in one."""
    return natural[0], joined([atom for axis in natural[1:] for atom in axis])


def described(axes: Axes, natural: Axes) -> str:
    """What is no map and no vector, in words."""
    sizes = f"({', '.join(map(str, ('N', *sizes_of(axes)[1:])))})"
    atoms = sorted(atom for axis in axes[1:] for atom in axis)
    # The atoms of the map, all of them, in another order: as of `x.permute(0, 3, 2, 1).flatten(1)`.
    is_turned = len(axes) == 2 and atoms == sorted(atom for axis in natural[1:] for atom in axis)
    if is_turned:
        return "a map that is flattened in another order than channels, rows, columns"
    return f"a tensor {sizes} that is no map and no vector"
