"""Reading specifications: bounded, and none from outside their folder.

pathlib takes longer to load than a small file to check, so what every check needs does without.
"""

from __future__ import annotations

import os
import stat
import sys
from os.path import dirname, isfile, join, normpath, realpath, splitext

from cnnspec.failures import UsageError
from cnnspec.text.decoding import MAX_SOURCE, decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.resources import path_of
from cnnspec.text.source import Source, Span

STDIN = "<stdin>"
"""What a specification from standard input is called."""


class FileProblem(UsageError):
    """A file that cannot be read or written: the call is wrong, not the specification."""


class NoFile(FileProblem):
    """There is no file at a path."""


def read(path: str, max_source: int = MAX_SOURCE) -> Source | Diagnostic:
    """The source at a path, `-`: standard input; a Diagnostic where it is no text. Raises FileProblem."""
    return decode(STDIN if path == "-" else path, read_bytes(path, max_source), max_source)


def read_bytes(path: str, max_source: int = MAX_SOURCE) -> bytes:
    """What is at a path, `-`: standard input, up to one byte past a bound. Raises FileProblem."""
    if path == "-":
        if sys.stdin is None:
            raise FileProblem("-: standard input is closed")
        return sys.stdin.buffer.read(max_source + 1)
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise FileProblem(f"{path}: is a folder, not a file")
        # A pipe is what a shell makes of `cnnspec check <(…)`; /dev/zero would never end.
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise FileProblem(f"{path}: is a device, not a file")
        with open(path, "rb") as file:
            return file.read(max_source + 1)
    except FileNotFoundError:
        raise NoFile(f"{path}: no such file") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else "cannot be read"
        raise FileProblem(f"{path!r}: {reason}") from None


Stamp = tuple[int, int]
"""What changes with a file on the disk: when it was written, and its size."""

NO_FILE = (0, 0)


def stamp_of(path: str) -> Stamp:
    """The stamp of a file; NO_FILE where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return NO_FILE
    return found.st_mtime_ns, found.st_size


SHIPPED = "<cnnspec>/"
"""Begins the names of the library's files, which lie beside nothing of the user's."""


def only_spec() -> str:
    """The one .cnn file of the current folder. Raises FileProblem where there is none, or more."""
    found = sorted(name for name in os.listdir() if name.endswith(".cnn"))
    if len(found) == 1:
        return found[0]
    some = f"one of {', '.join(found[:8])}" if found else "a FILE: this folder holds no .cnn file"
    raise FileProblem(f"name {some}")


def read_used(path: str, source: Source) -> Source | Diagnostic | None:
    """A file named by `use`: beside the using file, then in the shipped library."""
    if not is_inside(path):
        return outside(source)
    here = dirname(source.name)
    beside = join(here, normpath(path))
    top = Span(source, 0, 0)
    try:
        if source.name == STDIN or source.name.startswith(SHIPPED) or not isfile(beside):
            return read_library(path, source)
        # With a slash behind: `specs2` begins as `specs` does, but is not in it.
        if not realpath(beside).startswith(join(realpath(here), "")):
            message = "a used file lies beside this one or in a folder there: this link leads elsewhere"
            return Diagnostic("E0206", message, top)
        return read(beside)
    except FileProblem as problem:
        return Diagnostic("E0206", str(problem), top)
    except OSError as problem:
        return Diagnostic("E0206", f"the file cannot be read: {problem.strerror}", top)


def outside(source: Source) -> Diagnostic:
    """What is wrong with a `use` whose path is not inside."""
    message = "a used file lies beside this one or in a folder there: no `..`, no absolute path"
    return Diagnostic("E0206", message, Span(source, 0, 0))


def read_library(path: str, source: Source) -> Source | Diagnostic | None:
    """A file of the shipped library named by `use`; beside the using file where that is one of them."""
    if source.name.startswith(SHIPPED):
        return read_shipped(join(dirname(source.name.removeprefix(SHIPPED)), path)) or read_shipped(path)
    return read_shipped(path)


def read_shipped(path: str) -> Source | Diagnostic | None:
    """A file of the shipped library."""
    shipped = join(path_of("specs"), path)
    if not is_inside(path) or not isfile(shipped):
        return None
    with open(shipped, "rb") as file:
        return decode(SHIPPED + path, file.read())


def is_inside(path: str) -> bool:
    """Whether a `use` path stays within its folder and names a specification."""
    is_beside = not path.startswith("/") and ".." not in path.split("/") and "\\" not in path
    return splitext(path)[1] == ".cnn" and is_beside
