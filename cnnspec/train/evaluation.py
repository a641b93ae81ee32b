"""A net with given weights, tried on labelled images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Input, Network
from cnnspec.run.answers import outputs_of
from cnnspec.run.image_input import prepare
from cnnspec.run.programs import Array, load
from cnnspec.run.weight_files import read_weights
from cnnspec.train.data.dataset import check_classes, check_input, read_data
from cnnspec.train.data.images import Images
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
        # head_of has refused a net with more of them.
        (self.output,) = outputs_of(graph)
        self.program = load(backend, network, graph)
        self.program.put(read_weights(weights, self.program.state()))

    def run(self, tick: Callable[[int], None]) -> Array:
        """Logits, (N, classes), of all images; `tick` takes how many more are done."""
        is_softmax = self.output.layer == "softmax"
        return logits_of(self.compute, self.images, self.given, is_softmax, tick)

    def compute(self, images: Array) -> Array:
        return self.program.run([images])[self.output.key]


def logits_of(
    compute: Callable[[Array], Array],
    images: Images,
    given: Input,
    is_softmax: bool,
    tick: Callable[[int], None] = lambda _: None,
) -> Array:
    """What a net makes of all images, (N, classes), batch by batch; of probabilities their logarithms."""
    found, count = [], len(images.labels)
    for start in range(0, count, BATCH):
        indices = range(start, min(start + BATCH, count))
        found.append(compute(prepare(images.stack(indices), given)))
        tick(len(indices))
    scores: Array = np.concatenate(found).reshape(count, -1)
    # In float32 a probability may be 0, whose logarithm is infinite; 1e-37 is near its least normal number.
    return np.log(np.maximum(scores, 1e-37)) if is_softmax else scores
