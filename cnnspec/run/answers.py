"""What a net makes of an image, in words: its top classes, or the range of the map that it makes."""

from __future__ import annotations

import numpy as np

from cnnspec.analysis.memory import VIEWS
from cnnspec.analysis.unroll import Graph
from cnnspec.backends.numpy.kernels.activation import softmax
from cnnspec.run import RunProblem, output_key, output_title, read_text
from cnnspec.run.programs import Array

LABELS = 1 << 22
"""Bytes that a file of labels may have: 100,000 classes of 40."""

PROBABLE = ("softmax", "sigmoid")
"""Layers whose values are confidences already."""


class NetOutput:
    """An output of evaluation: its shape, and the layer that its numbers come from."""

    def __init__(self, graph: Graph, name: str, at: str) -> None:
        nodes = {node.path: node for node in graph.nodes}
        self.key, self.title, self.shape = output_key(name), output_title(name), graph.shapes[at]
        # What only looks at numbers, as flatten, does not tell whether they are confidences.
        while at in nodes and nodes[at].layer.name in VIEWS | {"identity"}:
            at = nodes[at].inputs[0]
        self.layer = nodes[at].layer.name if at in nodes else "input"

    @property
    def classes(self) -> int:
        """How many classes it tells apart; 0 where it is a map."""
        # 1000, and 1000@1x1 too: a map of one pixel has as many features as channels.
        return self.shape.channels if self.shape.features == self.shape.channels else 0


def outputs_of(graph: Graph) -> list[NetOutput]:
    return [NetOutput(graph, name, at) for name, at in graph.lasting.items()]


def read_labels(path: str, outputs: list[NetOutput]) -> list[str]:
    """The names of classes, a line each. Raises UsageError."""
    labels = read_text(path, LABELS).replace("\r\n", "\n").removesuffix("\n").split("\n")
    for output in outputs:
        if not output.classes:
            raise RunProblem(f"{path}: labels name classes, but the net makes a map, {output.shape}")
        if output.classes != len(labels):
            raise RunProblem(f"{path}: has {len(labels):,} lines, the net {output.classes:,} classes")
    return labels


def answers(
    values: dict[str, Array], outputs: list[NetOutput], labels: list[str] | None, top: int
) -> list[str]:
    """Lines about one image: `0.9312  cat`, the most probable class first."""
    lines = []
    for output in outputs:
        value = values[output.key].astype(np.float64)
        if len(outputs) > 1:
            lines.append(f"{output.title}:")
        if not output.classes or (output.classes == 1 and output.layer not in PROBABLE):
            lines.append(f"{output.shape}, from {value.min():.4g} to {value.max():.4g}")
            continue
        sure = confidences(value.ravel(), output.layer)
        # Stable, and of the negated: of equal classes the first one stands first. Reversed, the last would.
        for index in np.argsort(-sure, kind="stable")[:top]:
            lines.append(f"{sure[index]:.4f}  {labels[index] if labels else f'class {index}'}")
    return lines


def confidences(scores: Array, layer: str) -> Array:
    """Softmax of the scores, which leaves a log softmax's as they are; or what is confidences already."""
    return scores if layer in PROBABLE else softmax(scores[None])[0]
