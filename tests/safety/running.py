"""The command line in a process of its own, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """How a call ended. `memory` is its peak in bytes."""

    code: int
    out: str
    err: str
    seconds: float
    memory: int


def cnnspec(
    *arguments: str, cwd: Path | None = None, stdin: bytes = b"", timeout: float = 60, **env: str
) -> Ran:
    """Run `cnnspec` with these arguments."""
    return python("-m", "cnnspec", *arguments, cwd=cwd, stdin=stdin, timeout=timeout, **env)


def python(
    *arguments: str, cwd: Path | None = None, stdin: bytes = b"", timeout: float = 60, **env: str
) -> Ran:
    """Run Python with the package importable; a call that hangs fails the test."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    seconds = time.perf_counter() - began
    return Ran(process.returncode, out.decode(), err.decode(), seconds, 0)


MEASURED = """
import resource, sys, time
from cnnspec.commands.cli import main
import cnnspec.commands.check, cnnspec.compiler, cnnspec.faults.fixes
import cnnspec.text.parser, cnnspec.faults.reports.text, cnnspec.tables.one_line
cnnspec.text.parser.machine()
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, began, code = peak(), time.perf_counter(), 0
try:
    main(sys.argv[1:], prog_name="cnnspec")
except SystemExit as ended:
    code = int(ended.code or 0)
print(f"\\n{time.perf_counter() - began} {peak() - before}")
sys.exit(code)
"""
"""The command line, imported beforehand; its last line is the seconds and the bytes it took beside that."""


def measured(*arguments: str, timeout: float = 60) -> Ran:
    """Run `cnnspec`; time and memory are those beside start-up."""
    ran = python("-c", MEASURED, *arguments, timeout=timeout)
    out, _, last = ran.out.rstrip("\n").rpartition("\n")
    seconds, memory = last.split()
    return Ran(ran.code, out, ran.err, float(seconds), int(memory))
