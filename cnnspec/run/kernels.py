"""The kernels of a net as pictures: a sheet for every layer that weighs what it sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnnspec.analysis.unroll import Graph
from cnnspec.run.programs import Array
from cnnspec.run.scales import diverging, tints
from cnnspec.run.sheets import MOST, Sheet, SheetTile, about_square, range_of

ACROSS = 8
"""Filters and channels of a sheet that has a picture for each of both."""

SIDE = 400
"""Rows and columns of a matrix: it is shown pixel by pixel."""


def kernels_of(graph: Graph, tensors: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """The weights of convolutions, (F, C, H, W), and of linear layers, (F, C), by their keys."""
    for node in graph.nodes:
        key = f"{node.path}.weight"
        if not node.shared and key in tensors and tensors[key].ndim in (2, 4):
            # That of a transposed convolution is (C, F, H, W).
            transposed = getattr(node.layer, "filter_axis", 0) == 1
            yield key, tensors[key].swapaxes(0, 1) if transposed else tensors[key]


def sheet_of(key: str, values: Array) -> Sheet:
    """The pictures of a weight: of three channels in colour, of one pixel or none as a matrix."""
    filters, channels, *size = values.shape
    title, range_ = f"{key}: {'x'.join(map(str, values.shape))}", range_of(values)
    if size in ([], [1, 1]):
        down, across = ("filter", "channel") if size else ("unit", "feature")
        note = f"{some(filters, SIDE, down)} down, {some(channels, SIDE, across)} across; {range_}"
        # A linear layer's (F, C) and a 1x1 convolution's (F, C, 1, 1) look the same.
        matrix = values.reshape(1, filters, channels)[:, :SIDE, :SIDE]
        return Sheet(title, note, [SheetTile(diverging(matrix)[0], "")], True, 1)
    if channels in (1, 3):
        pictures = diverging(values[:MOST, 0]) if channels == 1 else tints(values[:MOST])
        zero = "" if channels == 1 else ", grey is 0"
        note = f"{some(filters, MOST, 'filter')}, each in its own range{zero}; {range_}"
        cells = [SheetTile(picture, str(place)) for place, picture in enumerate(pictures)]
        return Sheet(title, note, cells, channels == 1, about_square(len(cells), 8))
    which = f"{some(filters, ACROSS, 'filter')} down, {some(channels, ACROSS, 'channel')} across"
    note = f"{which}, each row in its own range; {range_}"
    grid = diverging(values[:ACROSS, :ACROSS])
    cells = [SheetTile(picture, f"{i},{j}") for i, row in enumerate(grid) for j, picture in enumerate(row)]
    return Sheet(title, note, cells, True, grid.shape[1])


def some(count: int, most: int, what: str) -> str:
    """`6 filters`, or `the first 64 of 512 filters`."""
    which = f"the first {most} of {count:,}" if count > most else f"{count}"
    return f"{which} {what}{'s' * (count != 1)}"
