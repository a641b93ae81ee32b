"""Whatever is left out of a specification, there is an answer and never an exception (promise 3).

Prefixes of the shipped specs at a token's end, and deletions of a line, are checked; what is fine is built,
what is not is reported. CNNSPEC_LONG=1 tries all of them, every prefix at a byte, and every change of a
character.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from cnnspec.backends import emit
from cnnspec.compiler import Checked, check
from cnnspec.faults import reports
from cnnspec.faults.fixes import with_fixes
from cnnspec.tables.one_line import line
from cnnspec.text.decoding import decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import read_library
from cnnspec.text.scanner import scan
from cnnspec.text.source import Source
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS
from tests.safety.running import ROOT

pytestmark = pytest.mark.slow

LONG = "CNNSPEC_LONG" in os.environ
EACH = 1 if LONG else 3  # how many there are for one that is tried
SPECS = sorted((ROOT / "specs").rglob("*.cnn"))


def answer(data: bytes, thorough: bool = False) -> Checked | None:
    """Check, then report or build, as the command line does it."""
    source = decode("net.cnn", data)
    if isinstance(source, Diagnostic):
        assert reports.render("text", (source,), [])
        return None
    found = check(source, read_library, first=True)
    diagnostics = found.diagnostics
    if thorough and diagnostics:
        diagnostics = tuple(
            with_fixes(
                source,
                found,
                lambda text, **_: check(Source("net.cnn", text), read_library, first=True),
            )
        )
    if diagnostics:
        assert reports.render("text", diagnostics, [])
    assert found.ok or diagnostics
    for network in found.networks if found.ok else ():
        assert line("net.cnn", network)
        if thorough:
            assert compile(emit("torch", network, "net.cnn"), "net.py", "exec")
    return found


def prefixes(data: bytes) -> Iterator[bytes]:
    text = data.decode()
    ends = sorted({token.end for token in scan(Source("net.cnn", text), DEFAULT_TEXT_LIMITS).tokens})
    yield from (text[:end].encode() for end in ends)


def without_a_line(data: bytes) -> Iterator[bytes]:
    lines = data.splitlines(keepends=True)
    yield from (b"".join(lines[:number] + lines[number + 1 :]) for number in range(len(lines)))


def identify(path: Path) -> str:
    return path.relative_to(ROOT / "specs").as_posix()


@pytest.mark.parametrize("path", SPECS, ids=identify)
def test_every_prefix_at_a_token(path: Path) -> None:
    whole = 0
    for number, data in enumerate(islice(prefixes(path.read_bytes()), 0, None, EACH)):
        found = answer(data, thorough=number % 5 == 0)
        whole += found is not None and found.ok
    assert whole < number, "most prefixes are no specification"


@pytest.mark.parametrize("path", SPECS, ids=identify)
def test_every_deletion_of_a_line(path: Path) -> None:
    for number, data in enumerate(without_a_line(path.read_bytes())):
        answer(data, thorough=LONG or number % 4 == 0)


@pytest.mark.skipif(not LONG, reason="a long run: set CNNSPEC_LONG=1")
@pytest.mark.parametrize("path", SPECS, ids=identify)
def test_every_prefix_at_a_byte(path: Path) -> None:
    data = path.read_bytes()
    for end in range(len(data)):
        answer(data[:end])


@pytest.mark.skipif(not LONG, reason="a long run: set CNNSPEC_LONG=1")
@pytest.mark.parametrize("path", SPECS, ids=identify)
def test_every_change_of_a_byte(path: Path) -> None:
    data = path.read_bytes()
    for place in range(len(data)):
        for change in (b"", b"{", b"}", b"(", b'"', b"\n", b"9", b"\xff", data[place : place + 1] * 2):
            answer(data[:place] + change + data[place + 1 :])
