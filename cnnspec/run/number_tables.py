"""Tensors as text: matrices of numbers in columns, cut where they are large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cnnspec.analysis.unroll import Graph
from cnnspec.run.programs import Array
from cnnspec.run.sheets import shape_of
from cnnspec.run.weight_files import COUNT

ROWS, COLUMNS, MATRICES, LAYERS = 12, 12, 4, 40
"""What is printed at most: of a matrix, of a tensor, of a net."""

DECIMALS = 4
SMALL, LARGE = 1e-3, 1e7
"""Largest magnitudes between which numbers are written without an exponent."""


def lines_of(graph: Graph, values: Mapping[str, Array], tensors: Mapping[str, Array]) -> Iterator[str]:
    """What a net makes of one sample, from the input on: each layer's tensors, then its value.

    `values` holds arrays (C, H, W) or (C,) by the names of inputs and layers, `tensors` those of the
    state_dict.
    """
    for name, _ in graph.inputs:
        yield from entry(f"{name}: {shape_of(values[name])}", values[name], "channel")
    nodes = [node for node in graph.nodes if not node.train]
    for node in nodes[:LAYERS]:
        # The weight of a transposed convolution counts channels before filters.
        axes = ("channel", "filter") if getattr(node.layer, "filter_axis", 0) else ("filter", "channel")
        for key, weight in ({} if node.shared else node.by_key).items():
            if weight.name != COUNT:  # which changes no result
                yield from entry(f"{key}: {'x'.join(map(str, tensors[key].shape))}", tensors[key], *axes)
        kind = "" if node.layer.name in node.path else f"{node.layer.name}, "
        yield from entry(f"{node.path}: {kind}{shape_of(values[node.path])}", values[node.path], "channel")
    if len(nodes) > LAYERS:
        yield f"… {len(nodes) - LAYERS:,} more layers"


def entry(head: str, value: Array, *axes: str) -> Iterator[str]:
    """A head, and below it a tensor of any rank, matrix by matrix; `axes` name what counts the matrices."""
    yield head
    if value.shape[-2:] == (1, 1):
        value = value.reshape(value.shape[:-2])
    if value.ndim < 2:
        shown = written(value.reshape(-1)[: MATRICES * COLUMNS])
        for start in range(0, len(shown), COLUMNS):
            yield f"  {'  '.join(shown[start : start + COLUMNS])}"
        left = {"numbers": value.size - len(shown)}
    else:
        *counts, height, width = value.shape
        matrices = value.reshape(-1, height, width)
        shown = written(matrices[:MATRICES, :ROWS, :COLUMNS])
        for place, rows in enumerate(shown):
            if len(matrices) > 1:
                indices = zip(axes, np.unravel_index(place, counts), strict=True)
                yield f"  {', '.join(f'{axis} {index}' for axis, index in indices)}"
            yield from (f"  {'  '.join(row)}{'  …' if width > COLUMNS else ''}" for row in rows)
        left = {"rows": height - ROWS, "columns": width - COLUMNS}
        left["channels" if len(counts) == 1 else "kernels"] = len(matrices) - MATRICES
    if words := [f"{count:,} more {what}" for what, count in left.items() if count > 0]:
        yield f"  … {', '.join(words)}"


def written(numbers: Array) -> Array:
    """Numbers as strings of one width, with as few decimals as tell them, at most DECIMALS.

    All of them have an exponent where the largest is so small, or so large, that decimals tell nothing.
    """
    finite = np.abs(numbers[np.isfinite(numbers)]).astype(np.float64)
    most = finite.max(initial=0)
    if most and not SMALL <= most < LARGE:
        form = ".3e"
    else:
        close = most * 1e-6  # what float32 tells apart
        # 0.5 and 2.25 take 2 decimals; 1/3 would take more than DECIMALS, and gets them all.
        enough = (d for d in range(DECIMALS) if (np.abs(finite - finite.round(d)) <= close).all())
        form = f".{next(enough, DECIMALS)}f"
    # `z`: what rounds to -0 is 0.
    texts = np.array([format(float(number), f"z{form}") for number in numbers.flat])
    # NumPy keeps 4 bytes of each letter.
    return np.char.rjust(texts, texts.itemsize // 4).reshape(numbers.shape)
