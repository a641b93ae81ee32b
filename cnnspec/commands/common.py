"""What commands share: reading and checking a file, telling, saving, failing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, ParamSpec, TypeVar

import click

from cnnspec.failures import UsageError, sparing
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.diagnostics import Diagnostic, Fix, Lacking
from cnnspec.text.files import FileProblem, only_spec
from cnnspec.text.source import Source

if TYPE_CHECKING:
    from cnnspec.analysis.unroll import Graph
    from cnnspec.commands.options import NetChoice
    from cnnspec.compiler import Checked
    from cnnspec.elaborate.load import Reader
    from cnnspec.elaborate.settings import Settings
    from cnnspec.text.output import Content

Given = ParamSpec("Given")
Made = TypeVar("Made")

EXTRAS = ("torch", "onnx", "onnxruntime")
"""The packages that an extra of their own brings."""


class Job:
    """One call of the command line: what failed in cnnspec itself, and the faults that are not shown yet.

    Such faults are shown however the call ends, and what failed is reported at the end.
    """

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.unshown: list[Diagnostic] = []
        self.used: set[str] = set()  # where the files were looked for that specifications use
        self.wants: Callable[[Diagnostic], bool] | None = None  # of the faults those that are to be shown

    def attempt(self, make: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made | None:
        """What is made; None where that fails: the call goes on without it."""
        with sparing(self.failures.append):
            return make(*given, **named)
        return None

    def show(self, diagnostics: tuple[Diagnostic, ...], style: str = "text") -> None:
        """Print diagnostics to standard error."""
        from cnnspec.faults import reports

        if diagnostics:
            click.echo(
                reports.render(style, diagnostics, [], colour=use_colour(sys.stderr)),
                err=True,
                nl=False,
                color=True,
            )
        self.unshown.clear()

    def check(
        self,
        file: SpecFile,
        net: str | None,
        settings: Settings,
        first: bool = False,
        lint: bool = False,
        skip: int = 0,
    ) -> Checked:
        """Check a file, all its nets or the first; fixes are sought of its faults but for the `skip` first.

        Its faults are shown, whatever happens: where a lint or the search for fixes fails, without that.
        """
        from cnnspec.api import check_source

        read, keep = file.read_used or self.read_used, self.failures.append
        net = file.net if net is None else net
        found = check_source(file.source, read, net, settings, first, lint, keep, skip, self.wants)
        found = found._replace(diagnostics=tuple(map(with_option, found.diagnostics)))
        self.unshown.extend(found.diagnostics)
        return found

    def read_used(self, path: str, source: Source) -> Source | Diagnostic | None:
        """A file named by `use`."""
        from cnnspec.text.files import read_used

        # Whether it is there or not: `--watch` and `train` look for it there.
        self.used.add(os.path.join(os.path.dirname(source.name), path))
        return read_used(path, source)

    def network(self, file: str | SpecFile | None, choice: NetChoice) -> Any:
        """The path and the one network that a command is about; ends the call where it has faults."""
        path, network, faults = self.network_or_part(file, choice)
        if faults:
            sys.exit(1)
        return path, network

    def network_or_part(
        self, file: str | SpecFile | None, choice: NetChoice
    ) -> tuple[str, Any, tuple[Diagnostic, ...]]:
        """The path and the one network that a command is about, as far as it goes; and its faults."""
        settings = choice.as_settings()
        spec = file if isinstance(file, SpecFile) else read_spec(file, settings)
        found = self.check(spec, choice.net, settings, first=True)
        self.show(found.diagnostics)
        faults = tuple(d for d in found.diagnostics if d.severity == "error")
        # A net with faults is drawn as far as it goes; where not even its input is known, there is nothing.
        left = [network for network in found.partial if network.inputs] if faults else found.networks
        if not left:
            sys.exit(1)
        return spec.name, left[0], faults


takes_job = click.make_pass_decorator(Job)
"""Hands its Job to a command."""


def tell(line: str) -> None:
    """A line for people on standard output; none where it is empty. It may hold a file's name."""
    if line:
        click.echo(visible(line))


def complain(message: str) -> None:
    """One line on standard error. It may hold a file's name, and that any character."""
    with suppress(OSError):  # nobody is left to read it
        click.echo(f"cnnspec: {visible(message)}", err=True)


def fail(words: str) -> NoReturn:
    """The call is wrong: end it, and say why."""
    raise UsageError(words)


def warn_of_random(graph: Graph) -> None:
    """Say that the weights of a net are random, as far as they are."""
    from cnnspec.run.random_weights import say_random

    if words := say_random(graph):
        complain(f"{words}: --weights names a file of trained ones")


@contextmanager
def needs(extra: str, otherwise: str = "") -> Iterator[None]:
    """Where a package is not installed, say what brings it; of PyTorch also what does without it."""
    try:
        yield
    except ImportError as problem:
        # `torch.nn` is not found where `torch` is not.
        package = str(problem.name).partition(".")[0]
        brought = package if package in EXTRAS and extra != "train" else extra  # which brings all of them
        hint = otherwise if package == "torch" else ""
        fail(f"{package} is not installed: pip install 'cnnspec[{brought}]'{hint}")


def explain_problem(problem: UsageError) -> str:
    """What is wrong with a call, with the options that it was called by or may be called by."""
    from cnnspec.elaborate.settings import Misuse
    from cnnspec.run import Mixed, OtherShape
    from cnnspec.text.output import NotOurs

    if isinstance(problem, NotOurs):
        return f"{problem}; --force overwrites it"
    if isinstance(problem, OtherShape):
        return f"{problem}; --input {problem.shape} gives it that"
    if isinstance(problem, Mixed) and problem.prefix:
        return f"{problem}; --prefix {problem.prefix} takes what is"
    if not isinstance(problem, Misuse):
        return str(problem)
    option = {"net": "--net", "parameter": "--set", "input": "--input"}[problem.choice]
    given = ", ".join(f"--input {name}=…" for name in problem.known)
    hint = f"there is {given}" if problem.choice == "input" else problem.hint
    return "; ".join(filter(None, (f"{option}: {problem.problem}", hint)))


class SpecFile(NamedTuple):
    """A specification that was read. `name`: as it is shown; `net`: the net of the zoo that was named.

    `read_used` reads the files that it uses, where these do not lie beside it.
    """

    name: str
    source: Source | Diagnostic
    net: str | None = None
    read_used: Reader | None = None


def read_spec(path: str | None, settings: Settings) -> SpecFile:
    """What a file holds, or else a network of the zoo; without a name the only file here.

    Raises FileProblem.
    """
    from cnnspec.text.files import NoFile, read

    path = path or only_spec()
    try:
        source = read(path, settings.text_limits.max_source)
        return SpecFile(path if isinstance(source, Diagnostic) else source.name, source)
    except NoFile as problem:
        # `nets/a.cnn` cannot be a name of the zoo: that it is not there is all that is to be said.
        if not path.replace("-", "_").isidentifier():
            raise
        from cnnspec.text.shipped import read_named

        try:
            shipped, net = read_named(path)
            return SpecFile(shipped.name, shipped, net)
        except FileProblem as other:
            raise FileProblem(f"{problem}, and {other}") from None


def find_files(names: tuple[str, ...]) -> Sequence[str]:
    """The files that names mean, those of folders and patterns, too; without names the only one here.

    Raises FileProblem.
    """
    if all(name == "-" or os.path.isfile(name) for name in names):
        return names or (only_spec(),)
    from cnnspec.text.search import find_specs

    return find_specs(names)


def terminal_width() -> int | None:
    """The columns of the terminal that standard output is; None where it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def use_colour(stream: Any) -> bool:
    return stream is not None and stream.isatty() and "NO_COLOR" not in os.environ


def with_option(diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic with the option that is a way out, where there is one."""
    if not isinstance(diagnostic.data, Lacking):
        return diagnostic
    options = " ".join(f"--set {name}=…" for name in diagnostic.data.names)
    return diagnostic._replace(fixes=(*diagnostic.fixes, Fix(f"for this call: `{options}`")))


def save(path: str | None, content: Content, force: bool, beside: Mapping[str, Content] = {}) -> None:
    """Write a result, and files that belong to it, and say where; without a path, or for `-`, print it."""
    from cnnspec.text.output import write_all

    if path in (None, "-"):
        click.echo(content, nl=False)
        return
    # What the result refers to is written first: a result that is there is whole.
    files = {**beside, path: content}
    write_all(files, force)
    for each in files:
        click.echo(visible(f"wrote {each}"), err=True)
