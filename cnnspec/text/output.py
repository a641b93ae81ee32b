"""Writing results: whole or not at all, and nothing of others overwritten."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cnnspec.text.files import FileProblem

MARK = "made by cnnspec"
"""Stands with the version at a fixed place of every file that cnnspec writes: on the first line or, behind a
declaration, the second, and nothing else there; in a picture's or an archive's own metadata."""

_MADE = rb"made by cnnspec \d[\w.+-]*"
_TEXT = re.compile(
    rb"# \w+: " + _MADE + rb" from [^\n]*\n"
    rb"|(?://|%) \w+: " + _MADE + rb"\n"
    rb"|(?:<\?xml [^\n]*\?>|<!DOCTYPE html>)\n<!-- (?:\w+: )?" + _MADE + rb" -->\n"
)
_PNG = re.compile(rb"tEXtSoftware\0(?:\w+: )?" + _MADE)
_NOTE = re.compile(_MADE)
_PDF = b"\n% made by cnnspec\n"
_ONNX = re.compile(rb"\x08.\x12\x07cnnspec\x1a", re.DOTALL)  # the format's version, then who produced it

TEMPORARY = ".cnnspec-tmp-"
JUST_MADE = 10  # seconds


class NotOurs(FileProblem):
    """A file that cnnspec did not write, and overwrites only where it is forced."""


Content = str | bytes | Iterable[bytes]


def write(path: str, content: Content, force: bool = False) -> None:
    """Write a file whole or not at all. Raises FileProblem.

    A file that cnnspec did not write is left alone unless forced; so is a link. What is overwritten keeps its
    permissions.
    """
    write_all({path: content}, force)


def write_all(files: Mapping[str, Content], force: bool = False) -> None:
    """Write several files whole, as `write` does: none is moved to its place before all are written."""
    for path in files:
        with problems(path):
            refuse_others(path, force)
            clear_strays(Path(path).parent)
    with ExitStack() as stack:
        for move in [stack.enter_context(write_aside(path, content)) for path, content in files.items()]:
            move()


@contextmanager
def write_aside(path: str, content: Content) -> Iterator[Callable[[], None]]:
    """A file written beside its place, as what moves it there; it is gone where that was not called."""
    target = Path(path)
    with problems(path):
        handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent or None)

    def move() -> None:
        with problems(path):
            Path(temporary).chmod(permissions(target))
            Path(temporary).replace(target)

    with ExitStack() as stack:
        stack.callback(Path(temporary).unlink, missing_ok=True)
        with problems(path):
            stack.enter_context(hold(temporary))
            with os.fdopen(handle, "wb") as file:
                for data in chunks_of(content):
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        yield move


def chunks_of(content: Content) -> Iterable[bytes]:
    if isinstance(content, str):
        return [content.encode()]
    return [content] if isinstance(content, bytes) else content


def refuse_others(path: str, force: bool) -> None:
    """Raise FileProblem where something stands at a path that is not to be overwritten."""
    target = Path(path)
    refuse_link(target)
    if target.is_dir():
        raise FileProblem(f"{path}: is a folder")
    if target.exists() and not target.is_file():
        raise FileProblem(f"{path}: is a device, not a file")
    if target.exists() and not force and not is_ours(target):
        raise NotOurs(f"{path}: exists and was not written by cnnspec")


@contextmanager
def problems(path: str, otherwise: str = "cannot be written") -> Iterator[None]:
    """Raise FileProblem for what the system says of a path."""
    try:
        yield
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or otherwise
        raise FileProblem(f"{path}: {reason}") from None


def make_folder(path: str) -> None:
    """Make a folder where there is none. Raises FileProblem, at a link too: nothing goes through one."""
    with problems(path, "cannot be made"):
        target = Path(path)
        refuse_link(target)
        for part in (target, *target.parents):
            if part.exists() and not part.is_dir():
                raise FileProblem(f"{path}: {'' if part == target else f'{part} '}is no folder")
        target.mkdir(parents=True, exist_ok=True)


def refuse_link(path: Path) -> None:
    """Raise FileProblem where a path leads through a link: nothing is written there."""
    if (link := link_in(path)) is not None:
        raise FileProblem(f"{path}: {'' if link == path else f'{link} '}is a link; name what it leads to")


def link_in(path: Path) -> Path | None:
    """The first part of a path that is a link; in the root folder they are the system's, as `/tmp` may be."""
    whole = path if path.is_absolute() else Path.cwd() / path
    # "/tmp" has two parts, "/" and "tmp".
    parts = [part for part in (*reversed(whole.parents), whole) if len(part.parts) > 2]
    link = next((part for part in parts if part.is_symlink()), None)
    return path if link == whole else link


def clear_strays(where: Path) -> None:
    """Remove the temporary files of runs that were killed; those of runs at work are held, or just made."""
    for stray in where.glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            known = stray.lstat()
            # An empty one may have been made just now, and not be held yet.
            if known.st_size or time.time() - known.st_mtime > JUST_MADE:
                with hold(str(stray)):
                    stray.unlink()


@contextmanager
def hold(path: str) -> Iterator[None]:
    """Hold a file, as long as the process lives. Raises OSError where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows, which does not remove a file that is open
        yield
        return
    # O_NONBLOCK: a pipe of this name would wait for a writer.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def permissions(target: Path) -> int:
    """Those of a file that is there, else those of a new one."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def is_ours(path: Path) -> bool:
    """Whether cnnspec wrote the file: its mark stands at its place. An empty file has none."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - len(_PDF)))
        tail = file.read()
    if head.startswith(b"\x89PNG"):
        # Not in the pixels: there the same bytes would be no mark.
        return _PNG.search(head.partition(b"IDAT")[0]) is not None
    if head.startswith(b"%PDF"):
        return tail == _PDF
    if head.startswith(b"PK"):
        return is_our_archive(path)
    if _ONNX.match(head):
        return True
    # A .safetensors begins with the length of its header in 8 bytes, then the header, JSON.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return is_our_safetensors(path)
    return _TEXT.match(head) is not None


def is_our_archive(path: Path) -> bool:
    """Whether a .npz is: its comment says so."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return _NOTE.fullmatch(archive.comment) is not None
    except zipfile.BadZipFile:
        return False


def is_our_safetensors(path: Path) -> bool:
    """Whether a .safetensors is: its header says so, which is JSON behind its length in 8 bytes."""
    import json

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return False
    notes = header.get("__metadata__") if isinstance(header, dict) else None
    return isinstance(notes, dict) and _NOTE.fullmatch(str(notes.get("writer")).encode()) is not None
