"""How a call ends that something unforeseen stops: with a line that tells of it, never with a traceback.

Exit codes: 2 where nothing can be written, 70 (EX_SOFTWARE of sysexits.h) where cnnspec is at fault; then,
too, the report comes out as far as it could be made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import cnnspec
from cnnspec.commands.common import Job, complain, explain_problem
from cnnspec.failures import UsageError
from cnnspec.values.limits import allow_deep_calls

OWN_FAULT = 70
DEBUG = "CNNSPEC_DEBUG"


@contextmanager
def run_to_end() -> Iterator[Job]:
    """Run a call to its end, and end it by its exit code."""
    job = Job()
    try:
        with allow_deep_calls():
            yield job
    # A command that ends itself, by `sys.exit(1)` say; where a part of it has failed, 70 goes before.
    except SystemExit:
        if not job.failures:
            raise
    except UsageError as problem:
        complain(explain_problem(problem))
        if not job.failures:
            sys.exit(2)
    except OSError as problem:
        complain(f"{problem.filename or 'standard output'}: {problem.strerror or 'cannot be written'}")
        discard_output()
        sys.exit(2)
    except Exception as failure:
        job.failures.append(failure)
        # What was found before the failure is worth something; if showing it fails, that is noted alone.
        job.attempt(job.show, tuple(job.unshown))
    if job.failures:
        blame_cnnspec(job.failures)


def blame_cnnspec(failures: list[Exception]) -> NoReturn:
    import traceback

    if DEBUG in os.environ:
        for failure in failures:
            traceback.print_exception(failure)
    hint = "" if DEBUG in os.environ else f"; {DEBUG}=1 shows how it came about"
    words = describe(failures[0])
    complain(f"this is a fault of cnnspec {cnnspec.__version__} itself, please report it: {words}{hint}")
    sys.exit(OWN_FAULT)


def describe(failure: Exception) -> str:
    """`KeyError: 't.0' in analysis/sizes/size_run.py, line 198`: the innermost place in cnnspec."""
    import traceback
    from pathlib import PurePath

    words = " ".join(traceback.format_exception_only(failure)[-1].split())[:200]
    package = PurePath(cnnspec.__file__).parent
    # From the inside out, past NumPy's and Python's own frames.
    for frame, line in reversed([*traceback.walk_tb(failure.__traceback__)]):
        path = PurePath(frame.f_code.co_filename)
        if path.is_relative_to(package):
            return f"{words} in {path.relative_to(package).as_posix()}, line {line}"
    return words


def discard_output() -> None:
    """What standard output still holds goes nowhere: Python would try once more to write it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
