"""`cnnspec run`: images and matrices through a net."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cnnspec.commands.common import Call, complain, fail, options, save, takes_call, word
from cnnspec.commands.progress import Progress
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.files import FileProblem

if TYPE_CHECKING:
    from cnnspec.run.album import Album
    from cnnspec.run.session import Session


@click.command()
@click.argument("file")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
@options
@click.option("--weights", metavar="FILE", help="A .safetensors or .npz file; without it they are random.")
@click.option("--labels", metavar="FILE", help="The names of the classes, a line each.")
@click.option("--top", type=click.IntRange(min=1), default=5, help="How many classes to tell; 5.")
@click.option("--resize", type=click.IntRange(min=1), metavar="N", help="The shorter side before the crop.")
@click.option(
    "--backend", type=click.Choice(["numpy", "torch", "onnx"]), default="numpy", help="What runs the net."
)
@click.option("--print", "printed", is_flag=True, help="Print the numbers that every layer makes.")
@click.option("--features", metavar="DIR", help="Where to show what every layer makes of the images.")
@click.option("--force", is_flag=True, help="Overwrite files that cnnspec did not write.")
@takes_call
def run(
    call: Call,
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
    force: bool,
    **choice: Any,
) -> None:
    """Put images through a net, and tell their classes.

    Images are PNG or JPEG; it tells how sure the net is, too. A .csv is a matrix of numbers, taken as it is:
    a line is a row, a blank line stands between channels.
    """
    _, network = call.network(file, choice)
    try:
        from cnnspec.run import RunProblem
        from cnnspec.run.album import Album
        from cnnspec.run.answers import read_labels
        from cnnspec.run.matrices import is_matrix
        from cnnspec.run.programs import report_memory
        from cnnspec.run.random_weights import say_random
        from cnnspec.run.session import Session

        with report_memory(network.name):
            layers, pictures = printed or features is not None, not all(map(is_matrix, images))
            session = Session(network, backend, weights, resize, layers, pictures)
        names = read_labels(labels, session.outputs) if labels is not None else None
    except ImportError as problem:
        package = str(problem.name).partition(".")[0]
        extra = package if package in ("torch", "onnx", "onnxruntime") else "run"
        fail(f"{package} is not installed: pip install 'cnnspec[{extra}]'")
    except (RunProblem, MemoryError) as problem:
        fail(problem)
    if weights is None and (words := say_random(session.graph)):
        complain(f"{words}: --weights names a file of trained ones")
    album = None if features is None else Album(features, network.name, network.sizes, force)
    try:
        with report_memory(network.name):
            answered, problems = answer_all(session, images, names, top, printed, album)
    except MemoryError as problem:
        fail(problem)
    click.echo("".join(f"{line}\n" for line in answered), nl=False)
    for words in problems:
        complain(words)
    if album is not None and album.sections:
        save(*album.index, force)
    sys.exit(2 if problems else 0)


def answer_all(
    session: Session,
    paths: tuple[str, ...],
    labels: list[str] | None,
    top: int,
    printed: bool,
    album: Album | None,
) -> tuple[list[str], list[str]]:
    """The lines about all files, and what went wrong; their pictures go into the album."""
    from cnnspec.run import RunProblem
    from cnnspec.run.answers import answers

    answered, problems = [], []
    steps = 1 if album is None else 1 + session.sheets
    with Progress(steps * len(paths), "run") as progress:
        for path in paths:
            try:
                sample = session.read(path)
                values = session.run(sample)
                lines = answers(values, session.outputs, labels, top)
                shown = [*session.printed(values), *lines] if printed else lines
                answered += [visible(path), *(f"  {visible(line)}" for line in shown)]
                progress.step()
                if album is not None:
                    album.add(path, sample.image, lines, session.shown(values), progress.step)
            except (RunProblem, FileProblem) as problem:
                problems.append(word(problem))
    return answered, problems
