"""Lines of the source that calls and errors come from: the innermost ones outside PyTorch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType, TracebackType

import torch

LIBRARY = str(Path(torch.__file__).parent) + os.sep
OWN = str(Path(__file__).parent) + os.sep


def is_foreign(file: str) -> bool:
    """Whether a file is neither PyTorch's nor ours."""
    return not file.startswith((LIBRARY, OWN, "<"))


def place_here() -> str:
    """The line of the innermost caller outside PyTorch, as `eca.py:68`; "" where no such line runs."""
    frame: FrameType | None = sys._getframe(1)
    has_left = False  # the recorder's own frames come first; the next ones are of `trace`
    while frame is not None:
        file = frame.f_code.co_filename
        if is_foreign(file):
            return f"{Path(file).name}:{frame.f_lineno}"
        if not file.startswith(OWN):
            has_left = True
        # Own frames again, behind others: these are of `trace`, and the module is all PyTorch's.
        elif has_left:
            return ""
        frame = frame.f_back
    return ""


def place_of(traceback: TracebackType | None) -> str:
    """The innermost line outside PyTorch that an error came through."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if is_foreign(file):
            found = f"{Path(file).name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
