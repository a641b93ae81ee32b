"""`cnnspec eval`: how many images of the data a net tells rightly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from cnnspec.commands.common import Job, takes_job, tell
from cnnspec.commands.fitting import explain_misfits
from cnnspec.commands.options import NetChoice, takes_choice
from cnnspec.commands.progress import progress

if TYPE_CHECKING:
    from cnnspec.run.programs import Array

SHOWN = 20
"""Classes up to which the whole confusion matrix is printed; beyond, what is confused most."""


@click.command(name="eval")
@click.argument("file")
@click.argument("data")
@takes_choice
@click.option("--weights", metavar="FILE", required=True, help="A .safetensors or .npz file.")
@click.option("--part", type=click.Choice(["val", "train"]), default="val", help="Which images; val.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="Of the division of the data; 0.")
@click.option("--skip-broken", is_flag=True, help="Leave out images that cannot be read.")
@click.option("--backend", type=click.Choice(["torch", "numpy"]), default="torch", help="What runs the net.")
@takes_job
def eval_(job: Job, /, file: str, data: str, choice: NetChoice, **asked: Any) -> None:
    """Tell how many images of the data a net tells rightly.

    That is its accuracy, over all and in each class, and which classes it confuses. DATA is what `train`
    takes. Where it is not divided, it is divided as `train` does by the same seed.
    """
    _, network = job.network(file, choice)
    with explain_misfits(network, choice):
        from cnnspec.train.evaluation import Evaluation

        evaluation = Evaluation(network, data, **asked)
        with progress(evaluation.count, "eval") as step:
            logits = evaluation.run(step)
    for line in lines(logits, evaluation.labels, evaluation.classes):
        tell(line)


def lines(logits: Array, labels: Array, classes: tuple[str, ...]) -> Iterator[str]:
    """What the scores say: over all, in each class, what is confused."""
    from cnnspec.train.scores import among_top, loss_of, tally

    counted, count = tally(logits, labels, classes), len(labels)
    top = f", top-5 {among_top(logits, labels, 5) / count:.2%}" if len(classes) > 5 else ""
    yield f"{counted.right / count:.2%} of {count:,} images{top}, loss {loss_of(logits, labels):.4f}"
    yield ""
    wide = max(map(len, classes))
    for name, images, right, _ in counted.classes:
        yield f"{name:<{wide}}  " + (f"{right / images:7.2%}  {right} of {images}" if images else "–")
    yield ""
    if len(classes) > SHOWN:
        for confusion in counted.confusions(SHOWN):
            yield f"{confusion.times} {confusion.label} taken for {confusion.said}"
        return
    # Wide enough for the largest number, and for up to six letters of the names.
    cell = max(len(str(counted.matrix.max())), min(wide, 6))
    yield f"{'':<{wide}}  " + " ".join(f"{name[:cell]:>{cell}}" for name in classes)
    for name, row in zip(classes, counted.matrix, strict=True):
        # A dot for 0: a matrix of few mistakes is to be read at a glance.
        yield f"{name:<{wide}}  " + " ".join(f"{number or '·':>{cell}}" for number in row)
