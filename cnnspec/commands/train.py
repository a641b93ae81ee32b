"""`cnnspec train`: a net learns to tell classes of images."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from cnnspec.commands.common import Job, complain, fail, needs, read_spec, takes_job, tell
from cnnspec.commands.fitting import explain_misfits
from cnnspec.commands.options import NetChoice, limits_of, takes_choice
from cnnspec.commands.progress import progress
from cnnspec.commands.train_call import TrainCall, resumed_options, with_choice_of_run
from cnnspec.failures import UsageError

if TYPE_CHECKING:
    from cnnspec.train.run_folder import Epoch, RunFolder
    from cnnspec.train.training_run import TrainingRun

INTERRUPTED = 130  # as shells count an interrupt

SHARE, POSITIVE = click.FloatRange(0, 1, max_open=True), click.FloatRange(min=0, min_open=True)
LOOP = (
    click.option(
        "--epochs", type=click.IntRange(min=1), default=10, help="Times that each image is seen; 10."
    ),
    click.option("--batch", type=click.IntRange(min=1), default=32, help="Images a step; 32."),
    click.option("--lr", type=POSITIVE, help="The highest learning rate; 0.005, for sgd 0.05."),
    click.option("--optimizer", type=click.Choice(["adamw", "sgd"]), default="adamw", help="adamw, or sgd."),
    click.option(
        "--schedule",
        type=click.Choice(["onecycle", "cosine", "none"]),
        default="onecycle",
        help="How the learning rate falls; onecycle rises in 3 of 10 epochs.",
    ),
    click.option(
        "--warmup", type=click.FloatRange(min=0), metavar="EPOCHS", help="How long it rises before."
    ),
    click.option("--weight-decay", type=click.FloatRange(min=0), default=0.01, help="Of kernels; 0.01."),
    click.option(
        "--label-smoothing", type=SHARE, default=0.0, help="The share of all classes in a label; 0."
    ),
    click.option(
        "--augment",
        type=click.Choice(["none", "flip", "crop", "trivial"]),
        default="none",
        help="Changes of images: each kind adds to those before it.",
    ),
    click.option(
        "--class-weights", type=click.Choice(["none", "balanced"]), default="none", help="In the loss."
    ),
    click.option("--aux-weight", type=click.FloatRange(min=0), help="Of outputs for training; 0.3, one 0.4."),
    click.option("--freeze", multiple=True, metavar="PREFIX", help="Keep tensors whose keys begin so."),
    click.option("--ema", is_flag=True, help="Average the weights over the last steps, and keep those."),
    click.option(
        "--amp", type=click.Choice(["auto", "no", "bf16", "fp16"]), default="auto", help="Numbers of 16 bits."
    ),
    click.option("--compile", is_flag=True, help="Compile the net first."),
    click.option("--shard/--no-shard", help="Divide the net itself among the processes of torchrun."),
    click.option(
        "--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="Of weights, order, division; 0."
    ),
    click.option("--device", default="auto", help="cpu, cuda, …; a GPU where there is one."),
    click.option("--workers", type=click.IntRange(min=0), help="Processes that read images."),
    click.option("--weights", metavar="FILE", help="A .safetensors or .npz file to start from."),
    click.option(
        "--backend", type=click.Choice(["torch", "numpy"]), default="torch", help="What computes; torch."
    ),
    click.option("--skip-broken", is_flag=True, help="Leave out images that cannot be read."),
)
"""The options that a run keeps; going on with it takes them from there."""


def loop_options(command: Any) -> Any:
    for option in reversed(LOOP):
        command = option(command)
    return command


@click.command()
@click.argument("file")
@click.argument("data")
@takes_choice
@loop_options
@click.option("--out", metavar="RUN", help="The folder of the run, if not runs/ and the name of FILE.")
@click.option(
    "--resume", is_flag=False, flag_value="", metavar="[RUN]", help="Go on with a run, or the last."
)
@click.option(
    "--stop-after", type=click.IntRange(min=1), metavar="N", help="Stop after N epochs, to go on later."
)
@click.pass_context
@takes_job
def train(
    job: Job,
    context: click.Context,
    /,
    file: str,
    data: str,
    out: str | None,
    resume: str | None,
    stop_after: int | None,
    choice: NetChoice,
    **asked: Any,
) -> None:
    """Train a net to tell images, and report on it.

    DATA is a folder of class folders, a .csv of paths and labels, an .npz, or `digits`. A folder may hold
    train and val folders, or the files of MNIST or CIFAR. What comes of it goes to runs/.
    """
    from cnnspec.train.processes import leave, together

    call, hint = TrainCall(file, data, choice, asked), ", or train in NumPy: --backend numpy"
    with together():
        with needs("train"):
            from cnnspec.train.run_folder import RunFolder, read_all_used
        # Before the folder is known: of `-` or a name of the zoo what was read tells the run's name.
        spec = read_spec(file, choice.as_settings())
        folder = RunFolder(folder_of(spec.name, out, resume))
        if resume is not None:
            call = with_choice_of_run(call, folder, spec.name)
        path, network = job.network(spec, call.choice)
        with explain_misfits(network, call.choice, hint):
            from cnnspec.train.training_run import TrainingRun

            if resume is None:
                refuse_old(folder)
            else:
                call = call._replace(options=resumed_options(call, folder, network, context))
            training = TrainingRun(network, call.request(), folder)
            if resume is not None:
                training.resume()
            elif training.engine.leads:
                used = read_all_used(path, job.used)
                folder.begin(call.config(path, training), network.net.span.source.text, used)
            introduce(training)
            ended = train_epochs(training, stop_after)
    if not ended:
        complain(f"stopped; `{call.to_resume(folder)}` goes on")
        # After --stop-after, which was asked for, the call has done what it was to do.
        leave(INTERRUPTED if training.engine.must_stop else 0)
    conclude(training, limits_of(choice.limits))
    leave()


def folder_of(path: str, out: str | None, resume: str | None) -> Path:
    """The folder of the run: a new one, or that to go on with. What is wrong ends the call."""
    from cnnspec.train.run_folder import RunFolder, next_run, runs_of

    # Standard input is called <stdin>.
    name = PurePath(path).stem.strip("<>") or "net"
    if resume is None:
        return Path(out) if out is not None else next_run(name)
    if out is not None:
        fail("--resume goes on in the folder of the run: leave --out away")
    if resume:
        return Path(resume)
    # runs/net-2 is the second run of net.cnn, or the first of net-2.cnn: its record tells.
    records = [(folder, RunFolder(folder).config()) for folder in runs_of(name)]
    there = [folder for folder, config in records if config is None or config.spec == PurePath(path).name]
    if not there:
        fail(f"--resume: there is no run of {name} in runs/")
    return there[-1]


def refuse_old(folder: RunFolder) -> None:
    """A folder with anything in it is left alone."""
    if folder.path.is_dir() and any(folder.path.iterdir()):
        config = folder.config()
        if config is None:
            fail(f"{folder.path}: is not empty, and holds no run")
        fail(
            f"{folder.path}: holds a run of {config.net}: --resume goes on with it, another --out begins anew"
        )


def introduce(training: TrainingRun) -> None:
    """Say what is trained on what."""
    from cnnspec.analysis.costs import costs

    for note in training.data.notes:
        tell(note)
    train, val = (f"{len(part.labels):,}" for part in training.data[:2])
    net = f"{costs(training.network).params:,} parameters, {len(training.classes)} classes"
    tell(f"{net}, {train} images and {val} for validation")
    if training.rows:
        tell(f"goes on after epoch {len(training.rows)}")


def train_epochs(training: TrainingRun, stop_after: int | None) -> bool:
    """Train, and tell of each epoch; whether it came to its end."""
    rows, count = training.run(), 0
    while True:
        with progress(training.engine.steps, f"epoch {len(training.rows) + 1}") as training.tick:
            row = next(rows, None)
        if row is None:
            return len(training.rows) >= training.last
        tell(words_of(row, training.last))
        count += 1
        if count == stop_after and row.epoch < training.last:
            return False


def words_of(row: Epoch, last: int) -> str:
    """`epoch  3/10  loss 0.2312  right 93.1 %  validation: loss 0.1890, right 94.4 %  1.2 s`."""
    epoch = f"{row.epoch:>{len(str(last))}}/{last}"
    train = f"loss {row.train_loss:.4f}  right {row.train_accuracy:6.2%}"
    return (
        f"epoch {epoch}  {train}  validation {row.val_loss:.4f}  {row.val_accuracy:6.2%}  {row.seconds:.1f} s"
    )


def conclude(training: TrainingRun, limits: dict[str, int]) -> None:
    """Say what was best and where it is; write the report, without which the run is whole, too."""
    from cnnspec.train.report import write
    from cnnspec.train.run_folder import best_of

    best, path = best_of(training.rows), training.folder.path
    tell(f"best: epoch {best.epoch}, {best.val_accuracy:.2%} of the images for validation are right")
    if training.engine.leads:
        try:
            write(path, limits)
        except UsageError as problem:
            complain(f"no report: {problem}")
    tell(f"{path}: best.safetensors, last.safetensors, log.csv, report.html")
