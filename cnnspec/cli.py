"""The command line: files, colour, exit codes (0 fine, 1 the specification is wrong, 2 the call is)."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from cnnspec import __version__
from cnnspec.diagnostics import Diagnostic
from cnnspec.files import FileProblem

FORMATS = ("text", "concise", "json", "sarif", "github")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cnnspec")
def main() -> None:
    """Describe a convolutional network in a .cnn file; check it, build it, draw it."""


def options(command: Any) -> Any:
    """The options that choose a net and change it."""
    for option in (
        click.option(
            "--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="Another input: 3@320x320."
        ),
        click.option(
            "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the net."
        ),
        click.option("--net", metavar="NAME", help="The net to take, if not the first."),
        click.option(
            "--limit", "limits", multiple=True, metavar="NAME=N", help="Another bound, as a message names it."
        ),
    ):
        command = option(command)
    return command


def fail(message: str) -> NoReturn:
    """The call is wrong. A message may hold a file's name, and that any character."""
    shown = "".join(c if c.isprintable() else "?" for c in message)
    click.echo(f"cnnspec: {shown}", err=True)
    sys.exit(2)


def use_colour(stream: Any) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ


def show(diagnostics: tuple[Diagnostic, ...], style: str = "text") -> None:
    """Print diagnostics to standard error."""
    from cnnspec import reports

    if diagnostics:
        click.echo(
            reports.render(style, diagnostics, [], colour=use_colour(sys.stderr)),
            err=True,
            nl=False,
            color=True,
        )


def settings_of(choice: dict[str, Any]) -> Any:
    """What `options` took as Settings. What is wrong ends the call."""
    from cnnspec.elaborate.network import Settings
    from cnnspec.options import parse_limits, parse_shape, parse_value

    parameters, shapes = {}, {}
    try:
        for text in choice["settings"]:
            name, equals, value = text.partition("=")
            if not equals or not name.strip().isidentifier():
                fail(f"--set wants NAME=VALUE, not {text!r}")
            parameters[name.strip()] = parse_value(value)
        for text in choice["inputs"]:
            name, equals, value = text.rpartition("=")
            shapes[name.strip()] = parse_shape(value)
        bounds = parse_limits(choice["limits"])
    except ValueError as problem:
        fail(str(problem))
    return Settings(parameters, shapes, *bounds)


def checked(path: str | None, net: str | None, settings: Any, first: bool = False) -> tuple[str, Any]:
    """Read and check one file, all its nets or the first; the path as shown, and what it holds."""
    from cnnspec.compiler import Checked, check
    from cnnspec.elaborate.network import Misuse
    from cnnspec.files import only_spec, read, read_used

    try:
        path = path or only_spec()
        source = read(path, settings.text_limits.max_source)
    except FileProblem as problem:
        fail(str(problem))
    if isinstance(source, Diagnostic):
        return path, Checked((), (source,))
    try:
        found = check(source, read_used, net, settings, first)
    except Misuse as misuse:
        fail(str(misuse))
    if found.diagnostics:
        from cnnspec.fixes import with_fixes
        from cnnspec.fixes.trial import MOST_LAYERS
        from cnnspec.source import Source

        bound = min(settings.limits.max_layers, MOST_LAYERS)
        narrow = settings._replace(limits=settings.limits._replace(max_layers=bound))

        def recheck(text: str) -> Checked:
            try:
                return check(Source(source.name, text), read_used, net, narrow, first)
            except Misuse:  # the edit took away what an option names
                return Checked((), found.diagnostics)

        mended = with_fixes(source, found.diagnostics, recheck, found.expanded)
        found = found._replace(diagnostics=tuple(mended))
    return source.name, found


@main.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@options
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", help="How faults are told.")
def check(files: tuple[str, ...], strict: bool, style: str, **choice: Any) -> None:
    """Check every size and every name of the nets in FILEs (`-`: standard input)."""
    from cnnspec.summary import line, listing

    chosen = settings_of(choice)
    results = [checked(path, choice["net"], chosen) for path in files or (None,)]
    diagnostics = tuple(d for _, found in results for d in found.diagnostics)
    if style in ("text", "concise"):
        for path, found in results:
            for network in found.networks:
                click.echo(line(path, network))
        show(diagnostics, style)
    else:
        from cnnspec import reports

        listed = [listing(path, found.networks) for path, found in results]
        click.echo(reports.render(style, diagnostics, listed), nl=False)
    failing = ("error", "warning") if strict else ("error",)
    sys.exit(any(d.severity in failing for d in diagnostics))


@main.command()
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output.")
@click.option("--force", is_flag=True, help="Overwrite FILE, whoever wrote it.")
def zoo(name: str | None, output: str | None, force: bool) -> None:
    """List the specifications that ship with cnnspec, or print the one called NAME."""
    from cnnspec import zoo as shipped
    from cnnspec.output import write

    try:
        text = shipped.text(name) if name else shipped.catalogue()
        if output:
            write(output, text, force)
        else:
            click.echo(text, nl=False)
    except FileProblem as problem:
        fail(str(problem))


@main.command()
@click.argument("what", required=False)
def explain(what: str | None) -> None:
    """Tell what a code such as E0410 means, or what a layer such as conv does; without WHAT: list them."""
    from cnnspec import handbook

    try:
        click.echo(handbook.page(what) if what else handbook.contents(), nl=False)
    except handbook.NoPage as problem:
        fail(str(problem))


@main.command()
@click.argument("file", required=False)
@options
@click.option("--backend", type=click.Choice(["torch", "numpy"]), default="torch", help="What to build for.")
@click.option("--inference", is_flag=True, help="numpy: leave training out.")
@click.option("-o", "--output", metavar="OUT", help="Where to write; standard output without it.")
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
def build(
    file: str | None,
    backend: str,
    inference: bool,
    output: str | None,
    force: bool,
    **choice: Any,
) -> None:
    """Write the program of a net: the first of FILE, or the one that --net names."""
    from cnnspec.backends import emit

    if inference and backend != "numpy":
        fail("--inference is for --backend numpy")
    path, network = the_network(file, choice)
    text = emit(backend, network, path, **({"inference": True} if inference else {}))
    if output is None:
        click.echo(text, nl=False)
    else:
        save(output, text, force)


@main.command()
@click.argument("file", required=False)
@options
@click.option("--backends", default="torch,numpy", metavar="A,B", help="What to compare, the measure first.")
@click.option("--seed", default=0, help="Of the weights and the images.")
def verify(file: str | None, backends: str, seed: int, **choice: Any) -> None:
    """Run the programs of several back ends on the same random weights and images, and compare them."""
    from cnnspec.backends import BACKENDS

    names = tuple(dict.fromkeys(backends.split(",")))
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        fail(f"--backends knows {', '.join(BACKENDS)}, not {unknown[0]!r}")
    _, network = the_network(file, choice)
    try:
        from cnnspec.verify import table
        from cnnspec.verify import verify as compare

        report = compare(network, names, seed=seed)
    except ImportError as problem:
        fail(f"{problem.name} is not installed: pip install 'cnnspec[torch]'")
    click.echo(table(report))
    sys.exit(1 if report.first_fault else 0)


def the_network(file: str | None, choice: dict[str, Any]) -> Any:
    """The path and the one network that a command is about; ends the call where it has faults."""
    path, found = checked(file, choice["net"], settings_of(choice), first=True)
    show(found.diagnostics)
    if not found.ok or not found.networks:
        sys.exit(1)
    return path, found.networks[0]


def save(path: str, content: str | bytes, force: bool) -> None:
    """Write a result and say where it is."""
    from cnnspec.output import write

    try:
        write(path, content, force)
    except FileProblem as problem:
        fail(str(problem))
    click.echo(f"wrote {path}", err=True)


@main.command()
@click.argument("file", required=False)
@options
@click.option(
    "-o", "--output", required=True, metavar="OUT", help="A file that ends in .svg, .png, .pdf or .dot."
)
@click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")
def draw(file: str | None, output: str, force: bool, **choice: Any) -> None:
    """Draw the graph of a net, with shapes on its edges, blocks as clusters, repeats as ×N."""
    from cnnspec.draw.picture import DrawProblem, check_suffix, picture

    try:
        check_suffix(output)
        _, network = the_network(file, choice)
        save(output, picture(network, output), force)
    except DrawProblem as problem:
        fail(str(problem))
