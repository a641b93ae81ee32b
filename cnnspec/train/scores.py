"""What a net's scores for labelled images say: loss, accuracy, confusions, images worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnspec.run.programs import Array
from cnnspec.train.data.images import Images
from cnnspec.train.run_folder import Predictions

MISTAKES, EXAMPLES = 48, 24


def log_softmax(logits: Array) -> Array:
    """(N, classes), in float64."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    made: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return made


def loss_of(logits: Array, labels: Array) -> float:
    """The mean of -log softmax(logits)[label]."""
    return -float(log_softmax(logits)[np.arange(len(labels)), labels].mean())


def among_top(scores: Array, labels: Array, top: int) -> int:
    """How many images have their class among the so many highest scores; equal ones are of one rank."""
    # (N, classes): True where a class has a higher score than the right one.
    higher = scores > scores[np.arange(len(labels)), labels, None]
    return int((higher.sum(1) < top).sum())


class ClassCount(NamedTuple):
    """A class in validation: its images, how many of them are right, and how many images are taken for it."""

    name: str
    images: int
    right: int
    claimed: int


class Confusion(NamedTuple):
    """Of the `images` of one class so many were taken for another."""

    label: str
    said: str
    times: int
    images: int


class Tally(NamedTuple):
    """`matrix[i, j]` counts images of class i that were taken for j."""

    names: list[str]
    matrix: Array

    @property
    def images(self) -> int:
        return int(self.matrix.sum())

    @property
    def right(self) -> int:
        return int(self.matrix.trace())

    @property
    def classes(self) -> list[ClassCount]:
        figures = zip(self.matrix.sum(1), self.matrix.diagonal(), self.matrix.sum(0), strict=True)
        return [ClassCount(name, *map(int, row)) for name, row in zip(self.names, figures, strict=True)]

    def worst(self, most: int) -> list[ClassCount]:
        """All classes in their order; where they are more than `most`, the worst, the worst first."""
        if len(self.names) <= most:
            return self.classes
        # A class without images is neither good nor bad.
        known = [each for each in self.classes if each.images]
        return sorted(known, key=lambda each: each.right / each.images)[:most]

    def confusions(self, most: int) -> list[Confusion]:
        """The commonest confusions, the commonest first."""
        wrong = self.matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        # Of 10 classes place 37 of the flat matrix is (3, 7).
        pairs = [tuple(map(int, divmod(int(place), len(self.names)))) for place in order]
        images = self.matrix.sum(1)
        return [
            Confusion(self.names[i], self.names[j], int(wrong[i, j]), int(images[i]))
            for i, j in pairs
            if wrong[i, j]
        ]

    def most_confused(self, most: int) -> Tally:
        """The part of at most so many classes that are in the most mistakes; all where they are no more."""
        if len(self.names) <= most:
            return self
        # Mistakes with a class as what is, and as what is said.
        wrong = self.matrix.sum(0) + self.matrix.sum(1) - 2 * self.matrix.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:most])
        return Tally([self.names[place] for place in kept], self.matrix[np.ix_(kept, kept)])


def tally(scores: Array, labels: Array, names: Sequence[str]) -> Tally:
    """Count images by their class and by the one of the highest score."""
    count = len(names)
    # Class i taken for j is the number i*count + j, so one count of numbers fills the matrix.
    pairs = labels * count + scores.argmax(1)
    return Tally([*names], np.bincount(pairs, minlength=count * count).reshape(count, count))


def picture(image: Array) -> Array:
    """(H, W, C), uint8, of an image (C, H, W); floats beyond 0 to 1 are scaled to fit."""
    if image.dtype != np.uint8:
        # Floats within 0 to 1 stay as they are; those from -1 to 3 are squeezed into that.
        low, high = min(0.0, float(image.min())), max(1.0, float(image.max()))
        image = ((image - low) / (high - low) * 255).round().astype(np.uint8)
    return image.transpose(1, 2, 0)


def predictions_of(logits: Array, images: Images) -> Predictions:
    """Scores as probabilities, and the images that are worth a look."""
    scores = np.exp(log_softmax(logits)).astype(np.float32)
    guesses, labels = scores.argmax(1), images.labels
    surest = np.argsort(-scores.max(1), kind="stable")
    wrong = surest[guesses[surest] != labels[surest]][:MISTAKES]
    right = surest[guesses[surest] == labels[surest]]
    # The first place of each label among the right ones, the surest first: the surest image of each class.
    _, first = np.unique(labels[right], return_index=True)
    shown = np.concatenate([wrong, right[np.sort(first)[:EXAMPLES]]])
    pictures = [picture(images.read(int(index))) for index in shown]
    paths = np.array(images.paths or [""] * len(labels), np.str_)
    return Predictions(labels, scores, paths, shown.astype(np.int64), np.stack(pictures))
