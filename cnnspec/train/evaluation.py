"""A net with given weights, tried on labelled images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.run.answers import outputs_of
from cnnspec.run.images import prepare
from cnnspec.run.programs import Array, load
from cnnspec.run.weight_files import read_weights
from cnnspec.train.data.read import check_classes, check_input, read_data
from cnnspec.train.head import head_of

BATCH = 64


class Evaluation:
    """Raises RunProblem where data or weights do not fit the net, ImportError where a package is missing."""

    def __init__(
        self, network: Network, data: str, weights: str, backend: str, seed: int, skip_broken: bool, part: str
    ) -> None:
        self.given, graph = check_input(network.inputs), unroll(network)
        self.head = head_of(graph)
        found = read_data(data, self.given, seed, skip_broken)
        self.classes = check_classes(data, found, self.head.classes)
        self.images = found.val if part == "val" else found.train
        self.labels, self.count = self.images.labels, len(self.images.labels)
        (self.output,) = outputs_of(graph)
        self.program = load(backend, network, graph)
        self.program.put(read_weights(weights, self.program.state()))

    def run(self, tick: Callable[[int], None]) -> Array:
        """Logits, (N, classes), of all images; `tick` takes how many more are done."""
        found = []
        for start in range(0, self.count, BATCH):
            indices = range(start, min(start + BATCH, self.count))
            found.append(self.program.run([prepare(self.images.stack(indices), self.given)])[self.output.key])
            tick(len(indices))
        scores: Array = np.concatenate(found).reshape(self.count, -1)
        return np.log(np.maximum(scores, 1e-37)) if self.output.layer == "softmax" else scores
