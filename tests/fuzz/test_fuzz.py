"""A slice of fuzzing with a fixed seed; the long run is `python -m tests.fuzz --all --runs 100000`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import tests.fuzz.__main__ as fuzzing
from tests.fuzz.calls import COMMANDS, Outcome, Trial, trial
from tests.safety.running import python

pytestmark = pytest.mark.slow

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


def test_behind_a_call_that_ends_its_process_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {3: b"die", 4: b"grow", 5: b"grow", 7: b"die"}

    def call(given: Trial, folder: Path) -> Outcome:
        if given.text == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(0, "", 0, fuzzing.RESTART + 1 if given.text == b"grow" else 0)

    monkeypatch.setattr(fuzzing, "trial", lambda _, __, number: Trial([], texts.get(number, b"")))
    monkeypatch.setattr(fuzzing, "run", call)
    ended = {number: outcome.code for number, outcome in fuzzing.outcomes("check", 0, range(8))}
    assert ended == {number: 98 if number in (3, 7) else 0 for number in range(8)}
