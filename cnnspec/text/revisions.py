"""Files as they are in a revision of a git repository, read by git itself: `HEAD~1:specs/lenet.cnn`."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cnnspec.text.decoding import MAX_SOURCE, decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import FileProblem, is_inside, outside, read_library
from cnnspec.text.source import Source


class Revision(NamedTuple):
    """A revision of the repository that a folder lies in. `tree` is what git calls it, "" the index."""

    folder: str
    name: str
    tree: str

    def read(self, path: str, max_source: int = MAX_SOURCE) -> Source | Diagnostic:
        """A file of it: from the repository's top on, or with `./` from the folder. Raises FileProblem."""
        data = git(self.folder, "cat-file", "blob", f"{self.tree}:{path}", bound=max_source + 1)
        if data is None:
            where = self.name or "the index"
            hint = "" if path.startswith("./") else "; paths begin at the repository's top, or with ./"
            raise FileProblem(f"{self.name}:{path}: no such file in {where}{hint}")
        return decode(f"{self.name}:{path}", data, max_source)

    def read_used(self, path: str, source: Source) -> Source | Diagnostic | None:
        """A file named by `use`: beside the using file in this revision, then in the shipped library."""
        if not is_inside(path):
            return outside(source)
        start = f"{self.name}:"
        if source.name.startswith(start):
            here, slash, _ = source.name.removeprefix(start).rpartition("/")
            try:
                return self.read(f"{here}{slash}{PurePosixPath(path)}")
            except FileProblem:
                pass
        return read_library(path, source)


def revision(name: str, folder: str = ".") -> Revision:
    """The revision of this name, "" the index. Raises FileProblem."""
    if git(folder, "rev-parse", "--git-dir") is None:
        raise FileProblem(f"{Path(folder).absolute()} is in no git repository")
    if not name:
        return Revision(folder, name, "")
    found = None
    # Not an option, as "--all" would be, and no NUL, at which Python would refuse the call.
    if not name.startswith("-") and name.isprintable():
        found = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}")
    if not found:
        raise FileProblem(f"{name}: git knows no such revision")
    return Revision(folder, name, found.decode("ascii").strip())


def git(folder: str, *arguments: str, bound: int = 1000) -> bytes | None:
    """The first `bound` bytes that git prints; None where it fails. Raises FileProblem without git."""
    command = ["git", "-C", folder, *arguments]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            data = process.stdout.read(bound)
            # As much as was asked for: git may be at work on the rest.
            if len(data) == bound:
                process.kill()
                return data
    except (OSError, ValueError):
        raise FileProblem("git is needed to read revisions, and cannot be run here") from None
    return data if process.returncode == 0 else None
