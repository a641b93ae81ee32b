"""Which files a call means that names folders and patterns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from cnnspec.text.files import FileProblem

WILD = frozenset("*?[")
"""Characters of a pattern, which not every shell fills in."""


def find_specs(names: Sequence[str]) -> list[str]:
    """The files that names mean, each once: of a folder the `.cnn` files in it and below.

    A name that is no file's is a pattern where it holds one of `*?[`; `**` stands for any folders. What is
    hidden, its name beginning with a dot, and links are passed over unless they are named themselves. The
    order is that of the names, and within each that of the alphabet.

    Raises FileProblem for a folder or a pattern in which there is no file.
    """
    return [*{str(path): None for name in names for path in expand_name(name)}]


def expand_name(name: str) -> list[Path]:
    """The files that one name means. Raises FileProblem."""
    path = Path(name)
    if not name:  # of a variable of the shell that is not set; pathlib takes it for this folder
        raise FileProblem("'': no such file")
    if path.is_dir():
        if not (found := sorted(specs_below(path))):
            raise FileProblem(f"{name}: there is no .cnn file in this folder")
        return found
    if path.exists() or WILD.isdisjoint(name):
        return [path]
    if not (found := sorted(specs_matching(name))):
        raise FileProblem(f"{name}: no file matches")
    return found


def specs_below(folder: Path) -> Iterator[Path]:
    """The specifications in a folder and in those within it."""
    try:
        inside = list(folder.iterdir())
    except OSError as problem:
        raise FileProblem(f"{folder}: {problem.strerror}") from None
    for path in inside:
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from specs_below(path)
        elif path.suffix == ".cnn":
            yield path


def specs_matching(pattern: str) -> Iterator[Path]:
    """The specifications that a pattern matches, or that are below a folder which it matches."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if not WILD.isdisjoint(part))
    folder = Path(*parts[:first])
    for path in specs_below(folder) if folder.is_dir() else ():
        if matches(path.parts[len(folder.parts) :], parts[first:]):
            yield path


def matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path begins as a pattern says, part by part; `**` stands for any number of parts."""
    # A pattern that ends before the path does matches a folder: all that is in it belongs to it.
    if not parts or not pattern:
        return not pattern
    if pattern[0] == "**":
        return matches(parts, pattern[1:]) or matches(parts[1:], pattern)
    return fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])
