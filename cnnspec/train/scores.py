"""What a net's scores for labelled images say: loss, accuracy, mistakes, images worth a look."""

from __future__ import annotations

import numpy as np

from cnnspec.run.programs import Array
from cnnspec.train.data.images import Images
from cnnspec.train.data.prepare import picture
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


def accuracy_of(logits: Array, labels: Array, top: int = 1) -> float:
    """The share of images whose label is among the so many highest scores."""
    best = np.argsort(-logits, 1, kind="stable")[:, :top]
    return float((best == labels[:, None]).any(1).mean())


def confusion_of(logits: Array, labels: Array) -> Array:
    """(classes, classes), int64: how many images of a row's class were taken for a column's."""
    count = logits.shape[1]
    pairs = labels * count + logits.argmax(1)
    return np.bincount(pairs, minlength=count * count).reshape(count, count)


def predictions_of(logits: Array, images: Images) -> Predictions:
    """Scores as probabilities, and the images that are worth a look."""
    scores = np.exp(log_softmax(logits)).astype(np.float32)
    guesses, labels = scores.argmax(1), images.labels
    surest = np.argsort(-scores.max(1), kind="stable")
    wrong = surest[guesses[surest] != labels[surest]][:MISTAKES]
    right = surest[guesses[surest] == labels[surest]]
    _, first = np.unique(labels[right], return_index=True)
    shown = np.concatenate([wrong, right[np.sort(first)[:EXAMPLES]]])
    pictures = [picture(images.read(int(index))) for index in shown]
    paths = np.array(images.paths or [""] * len(labels), np.str_)
    return Predictions(labels, scores, paths, shown.astype(np.int64), np.stack(pictures))
