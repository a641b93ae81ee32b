"""Calls of every command on a mutated specification, in this process, and what each of them took."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from cnnspec.analysis.costs import costs
from cnnspec.commands.cli import main
from cnnspec.compiler import check
from cnnspec.layers import NAMES
from cnnspec.text.decoding import decode
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from tests.fuzz.mutations import WORDS, mutant
from tests.fuzz.texts import texts

SPEC, OTHER = "net.cnn", "other.cnn"
LONGEST = 60.0  # seconds: then a call is ended
MEMORY = 4 << 30  # bytes that a call can have at all
SECONDS, PER_BYTE, BYTES = 1.0, 20e-6, 500 << 20
"""What a call may take, by the promises: of time, so much and so much a byte; of memory."""
SMALL = 3_000_000
"""`verify` runs nets of no more multiplications and parameters."""


def check_options(rng: Random) -> list[str]:
    found = ["--format", rng.choice(("text", "text", "concise", "json", "sarif", "github"))]
    if rng.random() < 0.1:
        found += rng.choice(
            (["--strict"], ["--input", "3@65x63"], ["--set", "classes=3"], ["--limit", "max_depth=3"])
        )
    return found


def draw_options(rng: Random) -> list[str]:
    found = ["-o", "out." + rng.choice(("svg", "svg", "dot", "html")), "--force"]
    if rng.random() < 0.4:
        return [*found, "--view", "volume"]
    return [
        *found,
        "--detail",
        rng.choice(("full", "fused", "folded")),
        "--direction",
        rng.choice(("tb", "lr")),
    ]


def build_options(rng: Random) -> list[str]:
    backend = rng.choice(("torch", "numpy"))
    options = [["--optimize"], ["--inference"]] if backend == "numpy" else [["--optimize"]]
    return ["--backend", backend, *rng.choice((*options, [], []))]


COMMANDS: dict[str, Callable[[Random], list[str]]] = {
    "check": lambda rng: [SPEC, *check_options(rng)],
    "sizes": lambda rng: [SPEC, *rng.choice(([], ["--format", "json"], ["--input", "3@70x60"]))],
    "summary": lambda rng: [SPEC, "--format", rng.choice(("text", "csv", "json", "markdown", "latex"))],
    "diff": lambda rng: [
        *rng.choice(((SPEC, OTHER), (OTHER, SPEC))),
        "--format",
        rng.choice(("text", "json", "markdown")),
    ],
    "draw": lambda rng: [SPEC, *draw_options(rng)],
    "build": lambda rng: [SPEC, *build_options(rng)],
    "fmt": lambda rng: [SPEC, *rng.choice(([], ["--diff"], ["--check"]))],
    "verify": lambda rng: [SPEC, *rng.choice(([], ["--backends", "numpy"], ["--optimize"]))],
    "explain": lambda rng: [rng.choice((*NAMES, *WORDS, "E0401", "W0502", "E9999", "../E0401"))],
}


class Trial(NamedTuple):
    """A call to make: the words of its command line, and the files that it finds."""

    words: list[str]
    text: bytes
    other: bytes = b""


class Outcome(NamedTuple):
    """How a call ended. `code` is None where it took too long."""

    code: int | None
    said: str
    seconds: float
    memory: int

    def faults(self, trial: Trial) -> list[str]:
        """What must not happen."""
        allowed = SECONDS + PER_BYTE * len(trial.text + trial.other)
        found = ["traceback"] if self.code not in (0, 1, 2, None) else []
        found += ["slow"] if self.code is None or self.seconds > allowed else []
        return found + (["memory"] if self.memory > BYTES else [])


def trial(command: str, seed: int, number: int) -> Trial:
    """The call of this number: always the same."""
    rng = Random(f"{seed} {command} {number}")
    text = mutant(rng)
    other = rng.choice(texts()).encode(errors="surrogateescape") if command == "diff" else b""
    words = [command, *COMMANDS[command](rng)]
    if command == "verify" and not is_small(text):
        words = ["check", SPEC]
    return Trial(words, text, other)


def is_small(text: bytes) -> bool:
    source = decode(SPEC, text)
    found = check(source, read_library, first=True) if isinstance(source, Source) else None
    if found is None or not found.networks:
        return False
    total = costs(found.networks[0])
    return (
        total.macs + total.params < SMALL
        and sum(shape.value.shape.features for shape in found.networks[0].inputs) < SMALL
    )


class Late(BaseException):
    """A call that takes too long."""


@contextlib.contextmanager
def watched() -> Iterator[None]:
    def late(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(trial: Trial, folder: Path) -> Outcome:
    """Make a call in a folder. Time is the processor's; memory is what it needed beyond the peak before."""
    for name, content in ((SPEC, trial.text), (OTHER, trial.other)):
        (folder / name).write_bytes(content)
    os.environ["CNNSPEC_DEBUG"] = "1"
    os.chdir(folder)
    said, code = io.StringIO(), None
    before, began = peak(), time.process_time()
    with (
        watched(),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        contextlib.redirect_stderr(said),
    ):
        try:
            main(trial.words, prog_name="cnnspec")
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Late:
            pass
        except BaseException as error:
            code = 99
            said.write(repr(error))
    return Outcome(code, said.getvalue(), time.process_time() - began, peak() - before)
