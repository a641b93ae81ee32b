"""Images through a net: read and prepared, run, named as classes, shown layer by layer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnspec.failures import UsageError
from cnnspec.text.files import read_bytes


class RunProblem(UsageError):
    """An image, a matrix, weights or labels that cannot be used, in one line."""


class OutOfMemory(RunProblem, MemoryError):
    """A net needs more memory than there is."""


class OtherShape(RunProblem):
    """A matrix of another shape than the net's input, which could be given that `shape`: `1@5x5`."""

    def __init__(self, words: str, shape: str) -> None:
        super().__init__(words)
        self.shape = shape


class Mixed(RunProblem):
    """A file that holds other things than tensors; what begins with `prefix`, if it is any, is tensors."""

    def __init__(self, words: str, prefix: str) -> None:
        super().__init__(words)
        self.prefix = prefix


OUTPUT = "output"
"""What a net's output is called that has no name of its own."""


def output_key(name: str) -> str:
    """The key of an output's value beside those of layers, which may be labelled `output` too."""
    # No path of a layer ends in a dot.
    return f"{name}."


def output_title(name: str) -> str:
    """What an output is called in words: `output`, or where it has a name, `output aux`."""
    return name if name == OUTPUT else f"{OUTPUT} {name}"


def read_text(path: str, most: int) -> str:
    """The text of a file of at most so many bytes, in UTF-8. Raises FileProblem, RunProblem."""
    content = read_bytes(path, most)
    if len(content) > most:
        raise RunProblem(f"{path}: has more than {most:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RunProblem(f"{path}: is no text in UTF-8") from None


def refuse_non_file(path: str | os.PathLike[str]) -> None:
    """Raise RunProblem where something stands at a path that is no file: a pipe would wait for a writer."""
    if Path(path).exists() and not Path(path).is_file():
        raise RunProblem(f"{path}: is not a file")


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raises RunProblem where a file is not there, none, or broken, of which readers raise anything."""
    refuse_non_file(path)
    try:
        yield
    except (RunProblem, MemoryError):
        raise
    except FileNotFoundError:
        raise RunProblem(f"{path}: no such file") from None
    except Exception as problem:
        raise RunProblem(f"{path}: cannot be read: {problem or type(problem).__name__}") from None
