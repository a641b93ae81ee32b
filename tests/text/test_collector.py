"""What is made while the collector rests is long-lived at once; and a check makes no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnspec.compiler import check
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from cnnspec.values.limits import pause_collector

pytestmark = pytest.mark.slow

PATTERNS = "block A(x) { conv x@3x3 }\nB = A\nnet N(n) { input 3@8x8, B n }\nnet M = N n=2\n"
SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    yield
    gc.enable()


def is_in(generation: int, wanted: object) -> bool:
    return any(found is wanted for found in gc.get_objects(generation))


def test_what_was_made_is_long_lived_and_not_frozen() -> None:
    frozen = gc.get_freeze_count()
    with pause_collector():
        assert not gc.isenabled()
        made: list[object] = [[]]
    assert gc.isenabled()
    assert is_in(2, made) and gc.get_freeze_count() <= frozen


def test_a_collector_that_rests_already_goes_on_to_rest() -> None:
    gc.disable()
    with pause_collector():
        pass
    assert not gc.isenabled()
    gc.enable()
    with pytest.raises(KeyError), pause_collector():
        raise KeyError
    assert gc.isenabled()


def test_what_a_program_has_frozen_stays_frozen() -> None:
    made: list[object] = [[]]
    gc.freeze()
    try:
        with pause_collector():
            pass
        assert gc.get_freeze_count() > 0 and not is_in(2, made)
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("name", ["resnet", "siamese", "mobilenet_v3", "patterns"])
@pytest.mark.parametrize("broken", [False, True])
def test_a_check_leaves_no_cycle(name: str, broken: bool) -> None:
    """Else it would stay until a collection of all that the process holds."""
    text = PATTERNS if name == "patterns" else (SPECS / f"{name}.cnn").read_text()
    text = text.replace("conv", "cnov") if broken else text
    source = Source(f"{name}.cnn", text)
    gc.freeze()  # what other tests left: a collection walks through all that is not frozen
    try:
        check(source, read_library, lint=True)  # what is made once for the process
        gc.collect()
        gc.disable()
        check(source, read_library, lint=True)
        assert gc.collect() == 0
    finally:
        gc.unfreeze()
