"""Reading specifications and writing results: bounded, whole or not at all, nothing of others overwritten."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cnnspec.diagnostics import Diagnostic
from cnnspec.parser import MAX_SOURCE, decode
from cnnspec.resources import folder
from cnnspec.source import Source, Span

MARK = "made by cnnspec"
"""Stands in the first line of every text that cnnspec writes, or in a picture's own metadata."""

TEMPORARY = ".cnnspec-tmp-"


class FileProblem(Exception):
    """A file that cannot be read or written: the call is wrong, not the specification."""


def read(path: str, max_source: int = MAX_SOURCE) -> Source | Diagnostic:
    """The source at a path, `-`: standard input; a Diagnostic where it is no text. Raises FileProblem."""
    if path == "-":
        return decode("<stdin>", sys.stdin.buffer.read(max_source + 1), max_source)
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileProblem(f"{path}: is a folder, not a file")
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise FileProblem(f"{path}: is a device, not a file")
        with Path(path).open("rb") as file:
            return decode(path, file.read(max_source + 1), max_source)
    except FileNotFoundError:
        raise FileProblem(f"{path}: no such file") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else "cannot be read"
        raise FileProblem(f"{path!r}: {reason}") from None


def only_spec() -> str:
    """The one .cnn file of the current folder. Raises FileProblem where there is none, or more."""
    found = sorted(path.name for path in Path().glob("*.cnn"))
    if len(found) == 1:
        return found[0]
    some = f"one of {', '.join(found[:8])}" if found else "a FILE: this folder holds no .cnn file"
    raise FileProblem(f"name {some}")


def read_used(path: str, source: Source) -> Source | Diagnostic | None:
    """A file named by `use`: beside the using file, then in the shipped library."""
    if not is_inside(path):
        message = "a used file lies beside this one or in a folder there: no `..`, no absolute path"
        return Diagnostic("E0206", message, Span(source, 0, 0))
    here = Path(source.name).parent
    beside = here / path
    top = Span(source, 0, 0)
    try:
        if source.name == "<stdin>" or not beside.is_file():
            return read_shipped(path)
        if not beside.resolve().is_relative_to(here.resolve()):
            message = "a used file lies beside this one or in a folder there: this link leads elsewhere"
            return Diagnostic("E0206", message, top)
        return read(str(beside))
    except FileProblem as problem:
        return Diagnostic("E0206", str(problem), top)
    except OSError as problem:
        return Diagnostic("E0206", f"the file cannot be read: {problem.strerror}", top)


def read_shipped(path: str) -> Source | Diagnostic | None:
    """A file of the shipped library."""
    shipped = folder("specs") / path
    if not is_inside(path) or not shipped.is_file():
        return None
    return decode(path, shipped.read_bytes())


def is_inside(path: str) -> bool:
    """Whether a `use` path stays within its folder and names a specification."""
    pure = PurePosixPath(path)
    return pure.suffix == ".cnn" and not pure.is_absolute() and ".." not in pure.parts and "\\" not in path


def write(path: str, content: str | bytes, force: bool = False) -> None:
    """Write a file whole or not at all. Raises FileProblem.

    A file that cnnspec did not write is left alone unless forced; so is a link.
    """
    target = Path(path)
    try:
        if target.is_symlink():
            raise FileProblem(f"{path}: is a link; name the file itself")
        if target.is_dir():
            raise FileProblem(f"{path}: is a folder")
        if target.exists() and not target.is_file():
            raise FileProblem(f"{path}: is a device, not a file")
        if target.exists() and not force and not is_ours(target):
            raise FileProblem(f"{path}: exists and was not written by cnnspec; --force overwrites it")
        clear_strays(target.parent)
        data = content.encode() if isinstance(content, str) else content
        handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent or None)
        try:
            with held(temporary):
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).chmod(0o666 & ~current_umask())
                Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else "cannot be written"
        raise FileProblem(f"{path}: {reason}") from None


def clear_strays(where: Path) -> None:
    """Remove the temporary files of runs that were killed; those of runs at work are held."""
    for stray in where.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError), held(str(stray)):
            stray.unlink()


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
    """Hold a file, as long as the process lives. Raises OSError where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows, which does not remove a file that is open
        yield
        return
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_ours(path: Path) -> bool:
    """Whether cnnspec wrote the file: its mark stands in the first line, or in a picture's own metadata."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        tail = file.read(4096)
    if head.startswith((b"\x89PNG", b"%PDF", b"<")):
        return MARK.encode() in head + tail
    return not head or MARK.encode() in head.partition(b"\n")[0]
