"""Two networks, compared, for programs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from cnnspec.analysis.compare import Comparison, Figures, PortChange
from cnnspec.analysis.components import Change, Component, Difference, layers
from cnnspec.analysis.receptive import WHOLE
from cnnspec.tables.changes import DiffSide
from cnnspec.tables.layer_info import json_value
from cnnspec.values.shapes import Shape

STATUSES = ("same", "moved", "affected", "changed", "added", "removed")


def as_json(comparison: Comparison, sides: tuple[DiffSide, DiffSide]) -> str:
    """Figures of both nets, the layers that are not the same, what becomes of weights; memory in bytes."""
    found = list(layers(comparison.whole))
    counts = Counter(each.status for each in found)
    tensors = comparison.tensors
    one, two = (
        {"source": side.source, "net": side.net, **figures_entry(figures)}
        for side, figures in zip(sides, comparison.figures, strict=True)
    )
    content = {
        "version": 1,
        "same": comparison.same,
        "before": one,
        "after": two,
        "ports": [port_entry(port) for port in comparison.ports],
        "counts": {status: counts[status] for status in STATUSES},
        "layers": [layer_entry(each) for each in found if each.status != "same"],
        "weights": {
            "loads": list(tensors.loads),
            "reshaped": [{"key": key, "before": b, "after": a} for key, b, a in tensors.reshaped],
            "misplaced": list(tensors.misplaced),
            "renamed": [{"before": before, "after": after} for before, after in tensors.renamed],
            "gone": list(tensors.lost),
            "new": list(tensors.new),
        },
    }
    return json.dumps(content, indent=2) + "\n"


def figures_entry(figures: Figures) -> dict[str, Any]:
    field = figures.field
    return figures._asdict() | {
        "field": "all" if field is WHOLE else list(field.size) if field else None,
        "peak": {"memory": figures.peak.memory, "path": figures.peak.path},
    }


def port_entry(port: PortChange) -> dict[str, Any]:
    shapes = {"before": dimensions(port.before), "after": dimensions(port.after)}
    return port._asdict() | shapes | {"changes": list(map(change_entry, port.changes))}


def layer_entry(difference: Difference) -> dict[str, Any]:
    part = difference.after or difference.before
    assert part is not None
    return {
        "status": difference.status,
        "layer": part.name,
        "before": part_entry(difference.before),
        "after": part_entry(difference.after),
        "changes": list(map(change_entry, difference.changes)),
    }


def part_entry(part: Component | None) -> dict[str, Any] | None:
    if part is None or part.node is None:
        return None
    node = part.node
    return {
        "path": node.path,
        "line": node.span.line,
        "inputs": [shape.dimensions for shape in node.shapes],
        "output": node.output.dimensions,
        "params": node.params,
    }


def change_entry(change: Change) -> dict[str, Any]:
    return {"what": change.what, "before": json_value(change.before), "after": json_value(change.after)}


def dimensions(shape: Shape | None) -> list[int] | None:
    return shape and shape.dimensions
