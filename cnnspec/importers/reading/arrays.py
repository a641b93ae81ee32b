"""What weights are handed out as. This loads NumPy: who can do without imports it for types alone."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
