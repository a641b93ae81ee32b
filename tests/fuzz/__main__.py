"""Fuzzing: `python -m tests.fuzz --runs 100000` checks so many mutated specifications, fixes sought.

`--command NAME` takes another command, `--all` a twentieth of the runs through each of the others, too. Run N
of a seed is always the same. Each input that fails is saved, `NAME.cnn`, with the call and what it said,
`NAME.txt`; `--reduce NAME.txt` makes it as short as it can be while it fails alike.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess as Process
from pathlib import Path
from typing import Any

from tests.fuzz.calls import COMMANDS, LONGEST, MEMORY, OTHER, Outcome, Trial, run, trial
from tests.fuzz.texts import texts

RESTART = 100 << 20
"""A worker whose memory grew by so much makes room for a fresh one: its peak would hide the next."""

WARM, FINE = 5, b"net N { input 3@32x32, conv 8@3x3, relu, flatten, linear 10 }\n"
"""So many calls come first, uncounted, on a text without a fault."""

KINDS = ("traceback", "slow", "memory")


def work(pipe: Connection, command: str, seed: int, numbers: range) -> None:
    """Make calls, and send of each how it ended."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(WARM):  # what is loaded on demand is loaded once
            run(trial(command, seed, number)._replace(text=FINE), Path(folder))
        for number in numbers:
            outcome = run(trial(command, seed, number), Path(folder))
            pipe.send(outcome)
            if outcome.memory > RESTART:
                return


def outcomes(command: str, seed: int, numbers: range) -> Iterator[tuple[int, Outcome]]:
    """How the call of each number ended, in their order; a fresh worker comes behind one that ended."""
    context = multiprocessing.get_context("fork")
    while numbers:
        pipe, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, command, seed, numbers), daemon=True)
        process.start()
        theirs.close()
        for number, outcome in zip(numbers, answers(pipe, process), strict=False):
            yield number, outcome
            numbers = numbers[1:]
        process.join()


def answers(pipe: Connection, process: Process) -> Iterator[Outcome]:
    """What a worker says until it leaves, at last how it ended, where a call ended it."""
    while wait([pipe], LONGEST + 30):
        try:
            yield pipe.recv()
        except EOFError:
            process.join()
            if process.exitcode:
                yield Outcome(98, f"the process died: {process.exitcode}", 0, 0)
            return
    process.kill()
    yield Outcome(None, "the process hung", LONGEST, 0)


def fuzz(command: str, seed: int, numbers: range, folder: Path) -> Counter[str]:
    """Make the calls of these numbers; count and save what must not happen."""
    counts = Counter[str]()
    for number, outcome in outcomes(command, seed, numbers):
        counts["runs"] += 1
        counts[f"exit {outcome.code}"] += 1
        made = trial(command, seed, number)
        for kind in outcome.faults(made):
            counts[kind] += 1
            save(folder, f"{command}-{seed}-{number}-{kind}", made, outcome)
    return counts


def save(folder: Path, name: str, made: Trial, outcome: Outcome) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.cnn").write_bytes(made.text)
    if made.other:
        (folder / f"{name}.{OTHER}").write_bytes(made.other)
    took = f"exit {outcome.code}, {outcome.seconds:.2f} s, {outcome.memory >> 20} MB"
    (folder / f"{name}.txt").write_text(f"{' '.join(made.words)}\n{took}\n{outcome.said[-20_000:]}")


def reduce(path: Path) -> None:
    """Write `NAME.least.cnn`: what is left of a saved input while it fails alike, lines first, then words."""
    base = path.with_suffix("")
    words = path.read_text().split("\n", 1)[0].split()
    other = Path(f"{base}.{OTHER}")
    made = Trial(words, Path(f"{base}.cnn").read_bytes(), other.read_bytes() if other.exists() else b"")

    def signs(text: bytes) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            tried = made._replace(text=text)
            outcome = run(tried, Path(folder))
            last = outcome.said.strip().rpartition("\n")[2] if outcome.code not in (0, 1, 2) else ""
            return outcome.faults(tried), last

    wanted, text = signs(made.text), made.text
    for separator in (b"\n", b" ", b""):
        parts = text.split(separator) if separator else [text[i : i + 1] for i in range(len(text))]
        size = len(parts) // 2
        while size:
            at = 0
            while at < len(parts):
                fewer = parts[:at] + parts[at + size :]
                if fewer and signs(separator.join(fewer)) == wanted:
                    parts = fewer
                else:
                    at += size
            size //= 2
        text = separator.join(parts)
    Path(f"{base}.least.cnn").write_bytes(text)
    print(f"{words} {wanted}\n{text.decode(errors='replace')}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=[*COMMANDS], default="check")
    parser.add_argument(
        "--all", action="store_true", help="the other commands, too: a twentieth of the runs each"
    )
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), metavar="FOLDER")
    parser.add_argument("--reduce", type=Path, metavar="NAME.txt")
    chosen = parser.parse_args()
    if chosen.reduce:
        reduce(chosen.reduce.resolve())
        return 0
    texts()  # once, before the processes part
    failed = 0
    for command in COMMANDS if chosen.all else [chosen.command]:
        runs = chosen.runs if command == chosen.command else chosen.runs // 20
        began = time.monotonic()
        counts = fuzz(command, chosen.seed, range(chosen.first, chosen.first + runs), chosen.save.resolve())
        seconds = time.monotonic() - began
        exits = ", ".join(f"{name}: {n}" for name, n in sorted(counts.items()) if name.startswith("exit"))
        kinds = ", ".join(f"{kind} {counts[kind]}" for kind in KINDS)
        print(f"{command}: {counts['runs']} runs, {kinds}; {exits}; {runs / seconds:.0f} runs/s", flush=True)
        failed += sum(counts[kind] for kind in KINDS)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
