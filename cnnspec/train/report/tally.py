"""Predictions counted: right and wrong by class, and which classes are taken for which."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnspec.run.programs import Array
from cnnspec.train.run_folder import Predictions


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
        known = [each for each in self.classes if each.images]
        return sorted(known, key=lambda each: each.right / each.images)[:most]

    def confusions(self, most: int) -> list[Confusion]:
        """The commonest confusions, the commonest first."""
        wrong = self.matrix.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
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
        wrong = self.matrix.sum(0) + self.matrix.sum(1) - 2 * self.matrix.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:most])
        return Tally([self.names[place] for place in kept], self.matrix[np.ix_(kept, kept)])


def tally(predictions: Predictions, names: list[str]) -> Tally:
    """Count the images for validation by their class and by what the net says."""
    said = predictions.scores.argmax(1)
    matrix = np.zeros((len(names), len(names)), np.int64)
    np.add.at(matrix, (predictions.labels, said), 1)
    return Tally(names, matrix)


def among_top(predictions: Predictions, top: int) -> int:
    """How many images have their class among the `top` most probable."""
    rank = (
        predictions.scores > predictions.scores[np.arange(len(predictions.labels)), predictions.labels, None]
    )
    return int((rank.sum(1) < top).sum())
