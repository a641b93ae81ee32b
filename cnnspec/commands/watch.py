"""Doing a call again whenever a file that it reads changes: `--watch`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from time import sleep
from typing import NoReturn

import click

from cnnspec.commands.common import Job, fail, find_files
from cnnspec.commands.ending import run_to_end
from cnnspec.text.files import FileProblem, Stamp, stamp_of

PAUSE = 0.3  # seconds between looks at the files


def watch(act: Callable[[Job], None], files: tuple[str, ...]) -> NoReturn:
    """Do it, and once more each time that one of the files, or one that they use, has changed.

    Each time it has the screen for itself. Ctrl-C ends it, with exit code 0.
    """
    if "-" in files:
        fail("--watch looks at files, and standard input is none")
    used: set[str] = set()
    try:
        while True:
            before = stamps({*look_up(files), *used})
            click.clear()
            used |= once(act)
            # Files as they were before they were read: one that changes meanwhile is seen to have changed.
            known = stamps(used) | before
            click.echo(f"watching {len(known)} file{'s' * (len(known) != 1)}; Ctrl-C ends it", err=True)
            while stamps({*look_up(files), *used}) == known:
                sleep(PAUSE)
    except KeyboardInterrupt:
        sys.exit(0)


def once(act: Callable[[Job], None]) -> set[str]:
    """Do it to its end; the files that it looked for."""
    used: set[str] = set()
    with suppress(SystemExit), run_to_end() as job:
        job.used = used
        act(job)
    return used


def look_up(files: tuple[str, ...]) -> Sequence[str]:
    """The files that names mean by now; none where there are none."""
    try:
        return find_files(files)
    except FileProblem:
        return ()


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    return {path: stamp_of(path) for path in paths}
