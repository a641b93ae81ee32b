"""The folder that a site is written to. It keeps a list of its files, each with its SHA-256.

A file that is not on the list, or is another by now, was written by others: then nothing is written. What
is hidden, as `.git` is, is none of the site's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from cnnspec.text.files import FileProblem
from cnnspec.text.output import make_folder, problems, write

LIST = ".cnnspec-site"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")

Sums = frozenset[tuple[str, str]]
"""Paths and the SHA-256 of what stands or stood there."""


def refuse_strangers(root: Path) -> Sums:
    """What the last site in a folder held. Raises FileProblem where there is anything else in it."""
    if not root.exists():
        return frozenset()
    if not root.is_dir():
        raise FileProblem(f"{root}: is a file, and a site is a folder")
    known = read_list(root)
    for path, name in files_in(root):
        if path.is_symlink() or (name, digest(path)) not in known:
            raise FileProblem(f"{root}: holds {name}, which this command did not write; name another folder")
    return known


def files_in(root: Path) -> Iterator[tuple[Path, str]]:
    """The files in a folder and below, with their paths in it; no hidden ones."""
    with problems(str(root), "cannot be read"):
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            hidden = any(part.startswith(".") for part in inside.parts)
            if not hidden and (path.is_symlink() or not path.is_dir()):
                yield path, inside.as_posix()


def write_site(root: Path, files: Mapping[str, bytes]) -> None:
    """Write all files, and remove those of the last site that this one has not. Raises FileProblem.

    The list names both, old and new, until all is written: after a kill in between, they still are ours.
    """
    old = refuse_strangers(root)
    new = frozenset((name, sha256(content).hexdigest()) for name, content in files.items())
    for folder in sorted({root, *((root / name).parent for name in files)}):
        make_folder(str(folder))
    write_list(root, old | new)
    for name, content in files.items():
        # What is there already keeps its time, by which `rsync` and web servers tell that it is the same.
        if (name, digest(root / name)) not in new:
            write(str(root / name), content, force=True)
    for name in sorted({name for name, _ in old} - files.keys()):
        with problems(name):
            remove(root, name)
    write_list(root, new)


def remove(root: Path, name: str) -> None:
    """Remove a file, and the folders that are empty without it."""
    path = root / name
    path.unlink(missing_ok=True)
    # Of zoo/a/b.html: zoo/a, then zoo; the last of the parents is the site itself, which stays.
    for folder in path.relative_to(root).parents[:-1]:
        if (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()


def digest(path: Path) -> str:
    """The SHA-256 of a file; "" where there is none."""
    with problems(str(path), "cannot be read"):
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def read_list(root: Path) -> Sums:
    path = root / LIST
    if path.is_symlink() or not path.is_file():
        return frozenset()
    with problems(str(path), "cannot be read"):
        lines = map(_LINE.fullmatch, path.read_text("utf-8").splitlines())
        return frozenset((line[2], line[1]) for line in lines if line)


def write_list(root: Path, sums: Sums) -> None:
    """As `sha256sum` writes it, and checks it with its option `-c`."""
    lines = (f"{digest}  {name}\n" for name, digest in sorted(sums))
    write(str(root / LIST), "".join(lines), force=True)
