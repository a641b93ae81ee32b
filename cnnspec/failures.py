"""What fails: inside cnnspec, kept as a value, so that all that does not depend on it goes on; or a wish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

Keep = Callable[[Exception], object]
"""Takes what failed."""


class UsageError(Exception):
    """What is wrong with a call, in a line: neither the specification nor cnnspec is at fault."""


class Refusal(UsageError):
    """Why a back end cannot write the program of a net, or what keeps a source from being imported."""


def give_up(failure: Exception) -> NoReturn:
    """A Keep for callers who want to know at once."""
    raise failure


@contextmanager
def sparing(keep: Keep) -> Iterator[None]:
    """What fails within is kept, and what comes behind goes on. A UsageError is the caller's to hear of."""
    try:
        yield
    except UsageError:
        raise
    except Exception as failure:
        keep(failure)
