"""A source that is a text, its numbers in a file beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnspec.importers.refusals import Refusal, Refused, refused

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array

MAX_BYTES = 1 << 20
"""Of a source; the largest one seen has 160 kB."""


def read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8, which comments may have, are replaced. Raises Refused."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise refused(f"{path}: {reason}") from None
    if len(data) > MAX_BYTES:
        raise refused(f"{path} has more than {MAX_BYTES:,} bytes")
    return data.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


class LoadedText(ABC):
    """A network as a text describes it. `suffix` is that of the file with its numbers, which may be named."""

    suffix: str

    def __init__(self, source: str, weights: str, until: str) -> None:
        self.path, self.file, self.until = Path(source), weights, until
        self.text = read_text(self.path)

    @abstractmethod
    def read_weights(self, path: Path, keys: Sequence[str]) -> dict[str, Array]:
        """Those of the tensors under these keys that such a file holds. Raises Refused, OSError."""

    def weights(self, keys: Sequence[str]) -> dict[str, Array]:
        """The tensors under these keys. Raises Refused where the file lacks one."""
        import numpy as np

        if not self.file:
            raise Refused(
                [Refusal("E1001", f"the weights are in a {self.suffix}: name it as the second file")]
            )
        try:
            found = self.read_weights(Path(self.file), keys)
        except OSError as problem:
            raise refused(f"{self.file}: {problem.strerror}") from None
        # The rest are counts of batches, which only PyTorch keeps.
        return {key: found.get(key, np.zeros((), np.int64)) for key in keys}
