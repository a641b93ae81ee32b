"""A slice of fuzzing with a fixed seed; the long run is `python -m tests.fuzz --all --runs 100000`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.calls import COMMANDS, trial
from tests.safety.running import python

RUNS = {"check": 300}
OTHERS = 12


@pytest.mark.parametrize("command", COMMANDS)
def test_no_input_ends_in_a_traceback_or_takes_all_memory(command: str, tmp_path: Path) -> None:
    """How long calls take is told by the long run: time decides no test."""
    given = ("--command", command, "--runs", str(RUNS.get(command, OTHERS)), "--save", str(tmp_path))
    ran = python("-m", "tests.fuzz", *given, timeout=600)
    assert "traceback 0" in ran.out and "memory 0" in ran.out, ran.out + ran.err


def test_a_run_is_always_the_same() -> None:
    assert trial("check", 0, 7) == trial("check", 0, 7) != trial("check", 1, 7)
