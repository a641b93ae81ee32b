"""The garbage collector paused while many objects are made and next to none of them is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """No collection until the end; where there is none in any case, nothing changes.

    What was made counts as long-lived then. Else all of it would lie in the youngest generation, and the next
    collections would walk through it, once for each generation: for a net of 50,000 layers, 13 µs a layer
    beside the 24 that its check takes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # what the program itself has frozen stays so
            gc.freeze()
            gc.unfreeze()  # into the oldest generation; neither call looks at an object
        gc.enable()
