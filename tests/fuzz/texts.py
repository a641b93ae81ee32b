"""The specifications that fuzzing starts from: those that ship, those of the tests, and drawn ones."""

from __future__ import annotations

from functools import cache

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.random.files import files
from tests.random.nets import File
from tests.safety.bombs import BOMBS
from tests.safety.running import ROOT

DRAWN = 40
LONGEST = 6_000
"""Of longer texts mutations would mostly meet what others have met."""


@cache
def texts() -> list[str]:
    """All of them, always in the same order."""
    paths = [*(ROOT / "specs").rglob("*.cnn"), *(ROOT / "tests").rglob("*.cnn")]
    found = [path.read_bytes().decode(errors="replace") for path in sorted(paths)]
    found += [*BOMBS.values(), *drawn()]
    return [text for text in found if 0 < len(text) <= LONGEST]


def drawn() -> list[str]:
    """Networks over the whole language."""
    found: list[str] = []

    @seed(0)
    @settings(
        max_examples=DRAWN,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(files())
    def draw(file: File) -> None:
        found.append(str(file))

    draw()
    return found
