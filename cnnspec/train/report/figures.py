"""The charts of a run by their names, in the colours of a theme."""

from __future__ import annotations

from cnnspec.draw.theme import Theme
from cnnspec.train.report.charts import Curve, curves, matrix, percent
from cnnspec.train.report.evidence import Evidence
from cnnspec.train.scores import Tally

MATRIX = 30
"""Classes that the confusion matrix shows at most."""


def training_curves(run: Evidence, theme: Theme) -> dict[str, str]:
    """Loss, accuracy and learning rate by epoch, as SVG."""
    epochs = [row.epoch for row in run.rows]
    loss = [
        Curve("training", [row.train_loss for row in run.rows], dashed=True),
        Curve("validation", [row.val_loss for row in run.rows]),
    ]
    accuracy = [
        Curve("training", [row.train_accuracy for row in run.rows], dashed=True),
        Curve("validation", [row.val_accuracy for row in run.rows]),
    ]
    rate = [Curve("learning rate", [row.lr for row in run.rows])]
    best = run.best.epoch
    return {
        "loss": curves("Loss", epochs, loss, best, "{:.4g}".format, theme),
        "accuracy": curves("Accuracy", epochs, accuracy, best, percent, theme),
        "learning-rate": curves("Learning rate", epochs, rate, best, "{:.2g}".format, theme),
    }


def confusion_matrix(counted: Tally, theme: Theme) -> str:
    """The matrix as SVG, of the classes with the most mistakes where there are many."""
    return matrix(counted.most_confused(MATRIX), theme)
