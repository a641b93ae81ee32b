"""`cnnspec run`: images and matrices through a net."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cnnspec.commands.common import Job, complain, explain_problem, needs, save, takes_job, warn_of_random
from cnnspec.commands.options import NetChoice, takes_choice
from cnnspec.commands.progress import progress
from cnnspec.failures import UsageError
from cnnspec.faults.reports.glyphs import visible

if TYPE_CHECKING:
    from cnnspec.run.album import Album
    from cnnspec.run.runner import Runner


@click.command()
@click.argument("file")
@click.argument("images", nargs=-1, metavar="IMAGE…")
@takes_choice
@click.option("--weights", metavar="FILE", help="A .safetensors or .npz file; without it they are random.")
@click.option("--labels", metavar="FILE", help="The names of the classes, a line each.")
@click.option("--top", type=click.IntRange(min=1), default=5, help="How many classes to tell; 5.")
@click.option("--resize", type=click.IntRange(min=1), metavar="N", help="The shorter side before the crop.")
@click.option(
    "--backend", type=click.Choice(["numpy", "torch", "onnx"]), default="numpy", help="What runs the net."
)
@click.option("--print", "printed", is_flag=True, help="Print the numbers that every layer makes.")
@click.option("--features", metavar="DIR", help="Where to show what every layer makes of the images.")
@click.option("--filters", metavar="DIR", help="Where to show the kernels; it wants no image.")
@click.option("--force", is_flag=True, help="Overwrite files that cnnspec did not write.")
@takes_job
def run(
    job: Job,
    /,
    file: str,
    images: tuple[str, ...],
    weights: str | None,
    labels: str | None,
    top: int,
    resize: int | None,
    backend: str,
    printed: bool,
    features: str | None,
    filters: str | None,
    force: bool,
    choice: NetChoice,
) -> None:
    """Put images through a net, and tell their classes.

    Images are PNG or JPEG; with each class stands how sure the net is of it. A .csv is a matrix of numbers,
    taken as it is: a line is a row, a blank line stands between channels.
    """
    if not images and filters is None:
        raise click.UsageError("Missing argument 'IMAGE…'.")
    _, network = job.network(file, choice)
    shows_layers = printed or features is not None
    runner, names = prepare(network, images, weights, labels, resize, backend, shows_layers)
    from cnnspec.run.album import Album
    from cnnspec.run.programs import report_memory

    album = None if features is None else Album(features, network.name, network.sizes, force)
    shown = None if filters is None else Album(filters, network.name, network.sizes, force)
    with report_memory(network.name):
        answered, problems = answer_all(runner, images, names, top, printed, album)
        if shown is not None:
            problems += show_kernels(runner, shown)
    # At the end, and in one piece: the progress bar has the screen until then.
    click.echo("".join(f"{line}\n" for line in answered), nl=False)
    for words in problems:
        complain(words)
    for written in (album, shown):
        if written is not None and written.sections:
            save(*written.index, force)
    sys.exit(2 if problems else 0)


def prepare(
    network: Any,
    paths: tuple[str, ...],
    weights: str | None,
    labels: str | None,
    resize: int | None,
    backend: str,
    shows_layers: bool,
) -> tuple[Runner, list[str] | None]:
    """The net made ready, and the names of its classes. Raises UsageError."""
    with needs("run"):
        from cnnspec.run.answers import read_labels
        from cnnspec.run.programs import report_memory
        from cnnspec.run.runner import Runner

        with report_memory(network.name):
            runner = Runner(network, backend, weights, resize, shows_layers, paths)
        names = read_labels(labels, runner.outputs) if labels is not None else None
    if weights is None:
        warn_of_random(runner.graph)
    return runner, names


def answer_all(
    runner: Runner,
    paths: tuple[str, ...],
    labels: list[str] | None,
    top: int,
    printed: bool,
    album: Album | None,
) -> tuple[list[str], list[str]]:
    """The lines about all files, and what went wrong; their pictures go into the album."""
    from cnnspec.run.answers import answers

    answered, problems = [], []
    steps = 1 if album is None else 1 + runner.sheets
    with progress(steps * len(paths), "run") as step:
        for path in paths:
            try:
                sample = runner.read(path)
                values = runner.run(sample)
                lines = answers(values, runner.outputs, labels, top)
                shown = [*runner.printed(values), *lines] if printed else lines
                answered += [visible(path), *(f"  {visible(line)}" for line in shown)]
                step()
                if album is not None:
                    album.add_features(path, sample.image, lines, runner.shown(values), step)
            except UsageError as problem:
                # A broken image is told of, and the others are run.
                problems.append(explain_problem(problem))
    return answered, problems


def show_kernels(runner: Runner, album: Album) -> list[str]:
    """Put the pictures of all kernels into the album; what went wrong."""
    kernels = runner.kernels
    if not kernels:
        return ["the net has no kernels to show"]
    try:
        with progress(len(kernels), "filters") as step:
            album.add_kernels(kernels, step)
    except UsageError as problem:
        return [explain_problem(problem)]
    return []
