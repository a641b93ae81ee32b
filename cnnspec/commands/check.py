"""`cnnspec check`: a line for each net that is fine, a report for each that is not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, complain, fail, find_files, read_spec, takes_job, tell
from cnnspec.commands.options import NetChoice, takes_choice
from cnnspec.text.diagnostics import Diagnostic

if TYPE_CHECKING:
    from cnnspec.compiler import Checked
    from cnnspec.elaborate.settings import Settings
    from cnnspec.faults.selection import Selection


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@takes_choice
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--select", multiple=True, metavar="CODE,…", help="Show these warnings alone: W06,W0701.")
@click.option("--ignore", multiple=True, metavar="CODE,…", help="Leave these warnings out.")
@click.option("--fix", "fixes", is_flag=True, help="Make the safe fixes: slips in names, needless comments.")
@click.option("--unsafe", is_flag=True, help="With --fix: make the likeliest fix, safe or not.")
@click.option("--diff", "differs", is_flag=True, help="Change nothing; show what --fix would change.")
@click.option("--watch", "watches", is_flag=True, help="Check anew whenever a file changes, until Ctrl-C.")
@options.style("text", "concise", "json", "sarif", "github", words="The format of the report.")
@takes_job
def check(
    job: Job,
    /,
    files: tuple[str, ...],
    choice: NetChoice,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    watches: bool,
    **asked: Any,
) -> None:
    """Check every size and every name of the nets in FILEs.

    Of a FOLDER all .cnn files are checked, in it and below; a FILE may be a pattern, as `nets/**/*.cnn`.
    `-` is standard input.
    """
    wanted = CheckOptions(choice.net, choice.as_settings(), **asked)
    if wanted.unsafe and not (wanted.fixes or wanted.differs):
        fail("--unsafe goes with --fix or --diff")
    if watches and (wanted.fixes or wanted.differs):
        fail("--watch reports, and leaves --fix and --diff to another call")
    wants = selection(select, ignore).wants if select or ignore else None

    def act(job: Job) -> None:
        job.wants = wants
        check_once(job, files, wanted)

    if watches:
        from cnnspec.commands.watch import watch

        watch(act, files)
    act(job)


class CheckOptions(NamedTuple):
    """What is to be done with files that are checked."""

    net: str | None
    settings: Settings
    strict: bool
    fixes: bool
    unsafe: bool
    differs: bool
    style: str


def check_once(job: Job, files: tuple[str, ...], wanted: CheckOptions) -> NoReturn:
    """Check the files, fix them where that is wanted, report, and end the call."""
    from cnnspec.compiler import unique

    paths, changed = find_files(files), False
    if wanted.fixes or wanted.differs:
        from cnnspec.commands.fixing import fix_file, write_fixed

        # All are mended in memory first: a file that cannot be read ends the call, and changes none.
        made = [job.attempt(fix_file, job, p, wanted.net, wanted.settings, wanted.unsafe) for p in paths]
        fixed = [each for each in made if each is not None]
        results = [(each.file.name, each.found) for each in fixed]
        for each in fixed:
            if wanted.differs:
                each.file.show()
                changed |= each.made != ()
            else:
                write_fixed(each)
    else:
        tried = [job.attempt(check_file, job, path, wanted.net, wanted.settings) for path in paths]
        results = [result for result in tried if result is not None]
    diagnostics = tuple(unique([d for _, found in results for d in found.diagnostics]))
    quiet = wanted.differs or (wanted.fixes and "-" in files)  # standard output has the text
    report(job, results, diagnostics, wanted.style, quiet)
    more = sum(any(fix.edits for fix in d.fixes) for d in diagnostics)
    if wanted.fixes and not wanted.unsafe and more:
        complain(f"--unsafe would fix {more} more")
    failing = ("error", "warning") if wanted.strict else ("error",)
    # With --diff, as of `fmt --check`: 1 where something would change.
    sys.exit(changed or any(d.severity in failing for d in diagnostics))


def check_file(job: Job, path: str, net: str | None, settings: Settings) -> tuple[str, Checked]:
    """A file's name as it is shown, and what it holds. Raises FileProblem."""
    file = read_spec(path, settings)
    return file.name, job.check(file, net, settings, lint=True)


def selection(select: tuple[str, ...], ignore: tuple[str, ...]) -> Selection:
    """What the options choose. Raises UsageError."""
    from cnnspec.faults.selection import Selection, parse_codes

    try:
        return Selection(parse_codes(select, True), parse_codes(ignore, False))
    except ValueError as problem:
        fail(f"--select, --ignore: {problem}")


def report(
    job: Job,
    results: Sequence[tuple[str, Checked]],
    diagnostics: tuple[Diagnostic, ...],
    style: str,
    quiet: bool,
) -> None:
    """Tell of the nets that are fine, unless `quiet`, and of the faults."""
    from cnnspec.tables.one_line import line, listing

    if style in ("text", "concise"):
        for path, found in () if quiet else results:
            for network in found.networks:
                tell(job.attempt(line, path, network) or "")
            if found.ok and found.blocks:
                tell(f"{path}: blocks for others: {', '.join(found.blocks)}")
        job.show(diagnostics, style)
    else:
        from cnnspec.faults import reports

        listed = [job.attempt(listing, path, found.networks) for path, found in results]
        click.echo(reports.render(style, diagnostics, [each for each in listed if each]), nl=False)
        job.unshown.clear()
