"""The user's cache: what is costly to make is kept there, and read again only if nobody else can write it."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIGEST = 32  # bytes of SHA-256 before the content


class Untrusted(OSError):
    """Others own it or may write it, or the system does not say who may."""


def load(name: str) -> bytes | None:
    """The content of this name; None where there is none, it is damaged, or others may have written it."""
    with suppress(OSError), open_folder(cache_folder()) as folder:
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
            require_own(file.fileno(), stat.S_ISREG)
            digest, content = file.read(DIGEST), file.read()
        return content if hashlib.sha256(content).digest() == digest else None
    return None


def keep(name: str, content: bytes) -> None:
    """Keep the content for later processes of the user; not where others may write.

    Nothing waits for the disk: a file that a crash tore lacks its digest.
    """
    temporary = f"{name}.{os.getpid()}"
    with suppress(OSError), open_folder(ensure_folder(cache_folder())) as folder:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)  # held open
        except OSError:
            os.unlink(temporary, dir_fd=folder)


def cache_folder() -> Path:
    """cnnspec's folder among the user's caches. Raises Untrusted on systems whose modes tell no owner."""
    if not hasattr(os, "geteuid"):
        raise Untrusted
    around = os.environ.get("XDG_CACHE_HOME", "")
    if not around.startswith("/"):  # https://specifications.freedesktop.org/basedir-spec: else it is ignored
        around = os.path.expanduser("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")  # noqa: PTH111
    return Path(around, "cnnspec")


def ensure_folder(folder: Path) -> Path:
    """The folder, which is made where there is none. Raises OSError, as where it would lie in another's."""
    if not folder.exists():
        nearest = next(parent for parent in folder.parents if parent.exists())
        if nearest.stat().st_uid != os.geteuid():
            raise Untrusted
        os.makedirs(folder, 0o700)  # noqa: PTH103
    return folder


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """The folder as a descriptor, so that nobody puts another in its place. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        require_own(descriptor, stat.S_ISDIR)
        yield descriptor
    finally:
        os.close(descriptor)


def require_own(descriptor: int, is_kind: Callable[[int], bool]) -> None:
    """Raise Untrusted unless it is of that kind, the user's own, and for nobody else to write."""
    found = os.fstat(descriptor)
    others = stat.S_IWGRP | stat.S_IWOTH
    if found.st_uid != os.geteuid() or found.st_mode & others or not is_kind(found.st_mode):
        raise Untrusted
