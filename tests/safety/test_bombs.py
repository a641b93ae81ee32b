"""Texts that ask for much are refused, at a place, before they cost anything (promises 3 and 4).

How long it takes is benchmarks/bombs.py's affair; here a call that hangs is ended, and memory is bounded,
generously and yet far from what any of these texts would take if it were let. With CNNSPEC_LONG=1 in the
environment those texts are tried, too, that take a second or more.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.safety.bombs import BOMBS, HEAVY, LATE
from tests.safety.running import measured

pytestmark = pytest.mark.slow

PLACE = re.compile(r"^ *--> .{1,200}\.cnn:\d+:\d+$", re.MULTILINE)
LONG = "CNNSPEC_LONG" in os.environ
SLOW = {  # a second or more each
    "blocks_of_their_own",
    "comparisons",
    "constants",
    "constants_of_blocks",
    "defaults",
    "duplicates",
    "else_ifs",
    "identities",
    "joins",
    "keywords",
    "labelled_layers",
    "layers",
    "named_references",
    "nets",
    "operators",
    "outputs",
    "paths",
    "positionals",
    "references",
    "runs_again",
    "suggestions",
    "unknown_names",
    "uses_of_nothing",
    "variants",
    "wrong_joins",
    "wrong_sizes",
}


def run(tmp_path: Path, text: str, megabytes: int) -> tuple[int, str]:
    path = tmp_path / "net.cnn"
    path.write_text(text)
    ran = measured("check", str(path))
    assert "Traceback" not in ran.err
    assert ran.code in (0, 1)
    if ran.code:
        assert PLACE.search(ran.err), ran.err[:500]
    assert ran.memory < megabytes * 2**20
    return ran.code, ran.err


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_unfold_without_end_is_refused_at_once(name: str, tmp_path: Path) -> None:
    code, err = run(tmp_path, BOMBS[name], 200)
    assert code == 1, "a bomb was let pass"
    assert "error[E" in err


@pytest.mark.parametrize("name", LATE)
def test_what_shows_its_size_late_is_refused_within_the_bounds(name: str, tmp_path: Path) -> None:
    code, _ = run(tmp_path, LATE[name], 400)
    assert code == 1


@pytest.mark.parametrize("name", [*HEAVY] if LONG else [name for name in HEAVY if name not in SLOW])
def test_what_is_long_ends(name: str, tmp_path: Path) -> None:
    run(tmp_path, HEAVY[name], 500)


@pytest.mark.parametrize("name", ["again_of_a_broken_block", "doubling_of_a_fault"])
def test_what_faults_leave_of_a_block_counts(name: str, tmp_path: Path) -> None:
    """It holds no layer, but whoever unfolds the net comes by all its uses."""
    _, err = run(tmp_path, BOMBS[name], 200)
    assert "error[E0307]: the network unfolds to more than" in err
