"""`cnnspec train`: a net learns to tell classes of images."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cnnspec import __version__
from cnnspec.commands.common import Job, complain, fail, limits_of, options, takes_job, tell
from cnnspec.commands.fitting import in_words
from cnnspec.commands.progress import Progress
from cnnspec.failures import UsageError

if TYPE_CHECKING:
    from cnnspec.train.engine import Request
    from cnnspec.train.run_folder import Epoch, RunConfig, RunFolder
    from cnnspec.train.session import TrainingRun

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

FIXED = ("backend", "seed", "batch", "optimizer", "freeze", "ema", "weights", "skip_broken")
"""Those of which what was learnt so far depends in a way that the rest of the run cannot take back."""


def loop_options(command: Any) -> Any:
    for option in reversed(LOOP):
        command = option(command)
    return command


@click.command()
@click.argument("file")
@click.argument("data")
@options
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
    **asked: Any,
) -> None:
    """Train a net to tell images, and report on it.

    DATA is a folder of class folders, a .csv of paths and labels, an .npz, or `digits`. A folder may hold
    train and val folders, or the files of MNIST or CIFAR. What comes of it goes to runs/.
    """
    from cnnspec.train.processes import leave, together

    choice = {name: asked.pop(name) for name in ("net", "settings", "inputs", "limits")}
    limits = choice["limits"]
    with together():
        if resume is not None:
            choice = as_begun(choice, file, out, resume)
        path, network = job.network(file, choice)
        with in_words(network, choice, ", or train in NumPy: --backend numpy"):
            from cnnspec.train.run_folder import RunFolder

            folder, bar = RunFolder(folder_of(path, out, resume)), Bar()
            if resume is None:
                session = begin(job, folder, bar, path, network, data, choice, asked)
            else:
                asked = merged(folder.config(), folder, network, data, choice, asked, context)
                session = open_session(folder, bar, network, data, asked)
                session.resume()
            introduce(session, network)
            ended = train_epochs(session, bar, stop_after)
    if not ended:
        words = " ".join(
            map(
                shlex.quote,
                (file, data, "--resume", str(folder.path), *(f"--limit={bound}" for bound in limits)),
            )
        )
        complain(f"stopped; `cnnspec train {words}` goes on")
        leave(INTERRUPTED if session.engine.must_stop else 0)
    conclude(session, limits_of(limits))
    leave()


def open_session(folder: RunFolder, bar: Bar, network: Any, data: str, asked: dict[str, Any]) -> TrainingRun:
    from cnnspec.train.session import TrainingRun

    return TrainingRun(network, request_of(data, asked), folder, bar.step)


def begin(
    job: Job,
    folder: RunFolder,
    bar: Bar,
    path: str,
    network: Any,
    data: str,
    choice: dict[str, Any],
    asked: dict[str, Any],
) -> TrainingRun:
    """A new run, and its folder."""
    from cnnspec.train.run_folder import read_all_used

    refuse_old(folder)
    session = open_session(folder, bar, network, data, asked)
    if session.engine.leads:
        config = config_of(path, network, data, choice, asked, session)
        folder.begin(config, network.net.span.source.text, read_all_used(path, job.used))
    return session


def as_begun(choice: dict[str, Any], file: str, out: str | None, resume: str) -> dict[str, Any]:
    """The net, parameters and inputs of the run that goes on, where this call names none."""
    try:
        from cnnspec.run import RunProblem
        from cnnspec.train.run_folder import RunFolder

        config = RunFolder(folder_of(file, out, resume)).config()
    except (ImportError, RunProblem):  # which is told where training begins
        return choice
    if config is None or config.spec != PurePath(file).name:
        return choice
    then = {"net": config.net, "settings": tuple(config.parameters), "inputs": tuple(config.inputs)}
    return choice | {name: choice[name] or value for name, value in then.items()}


def folder_of(path: str, out: str | None, resume: str | None) -> Path:
    """The folder of the run: a new one, or that to go on with. What is wrong ends the call."""
    from cnnspec.train.run_folder import next_run, runs_of

    name = PurePath(path).stem.strip("<>") or "net"
    if resume is None:
        return Path(out) if out is not None else next_run(name)
    if out is not None:
        fail("--resume goes on in the folder of the run: leave --out away")
    if resume:
        return Path(resume)
    there = runs_of(name)
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


def request_of(data: str, asked: dict[str, Any]) -> Request:
    """What the options ask of the loop."""
    from cnnspec.train.engine import Request
    from cnnspec.train.processes import device_of, precision_of

    device = device_of(asked["device"]) if asked["backend"] == "torch" else "cpu"
    warmup = asked["warmup"]
    if warmup is None:
        warmup = 0.3 * asked["epochs"] if asked["schedule"] == "onecycle" else 0.0
    follows = {
        "lr": asked["lr"] or {"adamw": 5e-3, "sgd": 0.05}[asked["optimizer"]],
        "warmup": warmup,
        "freeze": tuple(asked["freeze"]),
        "ema": 0.999 if asked["ema"] else 0.0,
        "amp": precision_of(asked["amp"], device),
        "device": device,
        "channels_last": device.startswith("cuda") and not asked["shard"],  # shards lie in order
    }
    return Request(data, **asked | follows)


def config_of(
    path: str, network: Any, data: str, choice: dict[str, Any], asked: dict[str, Any], session: TrainingRun
) -> RunConfig:
    """What the folder keeps of the call."""
    from cnnspec.train.run_folder import RunConfig

    images = {"train": len(session.data.train.labels), "val": len(session.data.val.labels)}
    settings, inputs = [*choice["settings"]], [*choice["inputs"]]
    name, classes = PurePath(path).name, [*session.classes]
    return RunConfig(
        __version__, name, network.name, settings, inputs, data, images, classes, asked["seed"], asked
    )


def merged(
    config: RunConfig | None,
    folder: RunFolder,
    network: Any,
    data: str,
    choice: dict[str, Any],
    asked: dict[str, Any],
    context: click.Context,
) -> dict[str, Any]:
    """The options of the run, and over them those of this call. What cannot change ends the call."""
    if config is None:
        fail(f"{folder.path}: holds no run")
    now = {
        "net": network.name,
        "parameters": [*choice["settings"]],
        "inputs": [*choice["inputs"]],
        "data": data,
    }
    for name, value in now.items():
        then, here = (" ".join(v) if isinstance(v, list) else v for v in (getattr(config, name), value))
        if then != here:
            words = (text or "of the file" for text in (then, here))
            fail("{}: is a run with the {} {}, not {}".format(folder.path, name, *words))
    begun = options_of(config, folder, asked, context)
    given = {name for name in asked if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for name in sorted(given.intersection(FIXED)):
        if begun[name] != asked[name]:
            option = name.replace("_", "-")
            fail(f"--{option} cannot change in a run that goes on: it began with {begun[name]}")
    return begun | {name: asked[name] for name in given}


def options_of(
    config: RunConfig, folder: RunFolder, asked: dict[str, Any], context: click.Context
) -> dict[str, Any]:
    """Those of the run; what its version did not know yet is as by default. What is wrong ends the call."""
    from cnnspec.train.run_folder import CONFIG

    record = folder.path / CONFIG
    unknown = [name for name in config.options if name not in asked]
    if unknown:
        fail(f"{record}: another version's: this one has no option {', '.join(unknown)}")
    plain = context.command.make_context("train", ["FILE", "DATA"]).params
    options = {option.name: option for option in context.command.params}
    try:
        then = {name: options[name].type_cast_value(context, x) for name, x in config.options.items()}
        return {name: plain[name] for name in asked} | then
    except click.BadParameter as problem:
        fail(f"{record}: {problem.param.name if problem.param else 'an option'}: {problem.message}")


class Bar:
    """The progress of the present epoch."""

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def step(self) -> None:
        if self.progress is not None:
            self.progress.step()


def introduce(session: TrainingRun, network: Any) -> None:
    """Say what is trained on what."""
    from cnnspec.analysis.costs import costs

    for note in session.data.notes:
        tell(note)
    train, val = (f"{len(part.labels):,}" for part in session.data[:2])
    net = f"{costs(network).params:,} parameters, {len(session.classes)} classes"
    tell(f"{net}, {train} images and {val} for validation")
    if session.rows:
        tell(f"goes on after epoch {len(session.rows)}")


def train_epochs(session: TrainingRun, bar: Bar, stop_after: int | None) -> bool:
    """Train, and tell of each epoch; whether it came to its end."""
    rows, count = session.run(), 0
    while True:
        with Progress(session.engine.steps, f"epoch {len(session.rows) + 1}") as bar.progress:
            row = next(rows, None)
        if row is None:
            return len(session.rows) >= session.last
        tell(words_of(row, session.last))
        count += 1
        if count == stop_after and row.epoch < session.last:
            return False


def words_of(row: Epoch, last: int) -> str:
    """`epoch  3/10  loss 0.2312  right 93.1 %  validation: loss 0.1890, right 94.4 %  1.2 s`."""
    epoch = f"{row.epoch:>{len(str(last))}}/{last}"
    train = f"loss {row.train_loss:.4f}  right {row.train_accuracy:6.2%}"
    return (
        f"epoch {epoch}  {train}  validation {row.val_loss:.4f}  {row.val_accuracy:6.2%}  {row.seconds:.1f} s"
    )


def conclude(session: TrainingRun, limits: dict[str, int]) -> None:
    """Say what was best and where it is; write the report, without which the run is whole, too."""
    from cnnspec.train.report import write
    from cnnspec.train.run_folder import best_of

    best, path = best_of(session.rows), session.folder.path
    tell(f"best: epoch {best.epoch}, {best.val_accuracy:.2%} of the images for validation are right")
    if session.engine.leads:
        try:
            write(path, limits)
        except UsageError as problem:
            complain(f"no report: {problem}")
    tell(f"{path}: best.safetensors, last.safetensors, log.csv, report.html")
