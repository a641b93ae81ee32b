"""The text of a source that is one."""

from __future__ import annotations

from pathlib import Path

from cnnspec.importers.refusals import Refusal, Refused

MAX_BYTES = 1 << 20
"""Of a source; the largest one seen has 160 kB."""


def read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8, which comments may have, are replaced. Raises Refused."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise Refused([Refusal("E1001", f"{path}: {reason}")]) from None
    if len(data) > MAX_BYTES:
        raise Refused([Refusal("E1001", f"{path} has more than {MAX_BYTES:,} bytes")])
    return data.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
