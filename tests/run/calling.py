"""`cnnspec run`, called within the process, and image files to call it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from click.testing import CliRunner
from PIL import Image

from cnnspec.commands.cli import main

SPECS = Path(__file__).parents[2] / "specs"


class Called(NamedTuple):
    code: int
    out: str
    err: str


def run(*arguments: object) -> Called:
    """`cnnspec run` with these arguments; nothing but an exit may end it."""
    done = CliRunner().invoke(main, ["run", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Called(done.exit_code, done.stdout, done.stderr)


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, pixels: Any, **options: Any) -> Path:
    """Pixels (H, W) or (H, W, C) as a file of the suffix's format."""
    Image.fromarray(pixels).save(path, **options)
    return path


def ranked(out: str) -> list[list[tuple[float, str]]]:
    """What was printed: for each image its confidences and classes."""
    found: list[list[tuple[float, str]]] = []
    for line in out.splitlines():
        if not line.startswith("  "):
            found.append([])
        else:
            sure, name = line.split(maxsplit=1)
            found[-1].append((float(sure), name))
    return found
