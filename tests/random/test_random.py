"""Drawn networks: checker and PyTorch agree on every size, both back ends on numbers, all on what is wrong.

In CI a slice of fixed seeds is tried. `CNNSPEC_LONG=1 python -m pytest tests/random -n auto` is the long run:
10,000 different files for sizes, 1,000 for numbers, 1,000 optimised, 1,000 in ONNX, 2,000 with a change that
few networks survive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cnnspec.compiler import Checked, check_text
from cnnspec.layers import NAMES
from cnnspec.layers.base import Misfit
from tests.random import agreement, nets, steps, wiring
from tests.random.files import files
from tests.random.mutations import mutants
from tests.random.nets import File, walk
from tests.random.place import Refused, Unforeseen
from tests.random.refusals import deliberate, torch_runs

pytestmark = pytest.mark.slow

LONG = "CNNSPEC_LONG" in os.environ
SHARDS = {"sizes": 40, "numbers": 10, "optimised": 10, "onnx": 10, "refusals": 20} if LONG else {}
COUNTS = {"sizes": 250, "numbers": 100, "optimised": 100, "onnx": 100, "refusals": 100, "language": 300}
SLICE = {"sizes": 60, "numbers": 25, "optimised": 25, "onnx": 10, "refusals": 80, "language": 300}
EXAMPLES = COUNTS if LONG else SLICE


def shards(kind: str) -> Any:
    return pytest.mark.parametrize("shard", range(SHARDS.get(kind, 1)))


def explore(kind: str, shard: int, drawn: st.SearchStrategy[File], check: Callable[[File], None]) -> None:
    """Check so many files, each once, always the same for a shard.

    Half of what hypothesis draws it has drawn before, from other choices.
    """
    passed: set[str] = set()
    failed = False  # then hypothesis looks for the least that fails

    @seed(shard)
    @settings(
        max_examples=4 * EXAMPLES[kind],
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def each(file: File) -> None:
        nonlocal failed
        text = str(file)
        if text in passed or (len(passed) == EXAMPLES[kind] and not failed):
            return
        try:
            check(file)
        except BaseException:
            failed = True
            raise
        passed.add(text)

    each()
    assert len(passed) == EXAMPLES[kind]


def errors(found: Checked) -> set[str]:
    return {each.code for each in found.diagnostics if each.severity == "error"}


@shards("sizes")
def test_pytorch_has_every_size(shard: int) -> None:
    """And the checker takes every file for what its drawing meant: all that is drawn is valid."""

    def check(file: File) -> None:
        found = check_text(str(file))
        assert not errors(found)
        meant = file.run()
        assert {net.name for net in found.networks} == set(meant)
        for net in found.networks:
            made = [(o.name, o.value.shape and o.value.shape.dimensions, o.train) for o in net.outputs]
            wanted = [(name, shape.dimensions, train) for name, shape, train in meant[net.name]]
            assert [each[1:] for each in made] == [each[1:] for each in wanted]
            assert len(made) == 1 or [each[0] for each in made] == [each[0] for each in wanted]
            assert agreement.sizes(net) > 0

    explore("sizes", shard, files(), check)


@shards("numbers")
def test_both_back_ends_compute_the_same(shard: int) -> None:
    explore("numbers", shard, files(), lambda file: agreement.numbers(check_text(str(file)).networks[0]))


@shards("optimised")
def test_optimised_programs_compute_the_same(shard: int) -> None:
    explore("optimised", shard, files(), lambda file: agreement.optimised(check_text(str(file)).networks[0]))


@shards("onnx")
def test_onnx_runtime_computes_the_same(shard: int) -> None:
    pytest.importorskip("onnxruntime")
    explore("onnx", shard, files(), lambda file: agreement.in_onnx(check_text(str(file)).networks[0]))


@shards("refusals")
def test_what_is_refused_pytorch_refuses(shard: int) -> None:
    """A changed file is refused by its reading, the checker and PyTorch, or runs in all of them."""

    def check(file: File) -> None:
        found = check_text(str(file))
        try:
            file.run()
        except Unforeseen:
            pass
        except Refused as refused:
            hold(refused, errors(found))
        else:
            assert not errors(found)
        for net in found.networks if not errors(found) else ():
            agreement.sizes(net)

    explore("refusals", shard, mutants(), check)


def hold(refused: Refused, codes: set[str]) -> None:
    """Hold the checker's errors, and PyTorch, to a refusal."""
    assert refused.code in codes
    if refused.layer is None or refused.code in ("E0301", "E0302", "E0303"):
        return  # a name, a number of the wrong kind: nothing that PyTorch could be asked
    try:
        made = torch_runs(refused)
    except (Misfit, ArithmeticError):  # the arguments name no module at all
        return
    assert made is None or deliberate(refused, made), (refused, made)


FORMS = """
    repeat 1 {  in [  } else {  else if  again  from  output  train=yes  none  default  require  ->  use
    left: input  mean=  net Wide = N  weights=[[  "same"  yes  ":  }:  for q in  [-1]  len(
    in.channels  in.height  in.features  min(  max(  sum(  ceil(  round(  divisible(  if (  and  or  not  //
"""


def test_the_whole_language_is_drawn() -> None:
    """Every layer, join, statement and step, what expressions and labels are made of, wires around `if`."""
    found: set[str] = set()
    wired: set[str] = set()
    texts: list[str] = []

    def note(file: File) -> None:
        texts.append(str(file))
        wired.update(wiring.forms(file))
        for node in walk([file.constants, list(file.blocks.values()), file.nets, file.variants]):
            words = vars(node).get("head"), vars(node).get("kind")  # of calls and joins
            found.update([type(node).__name__, *(word for word in words if isinstance(word, str))])

    explore("language", 0, files(), note)
    kinds = [name for module in (steps, nets) for name, kind in vars(module).items() if is_dataclass(kind)]
    never = {"File", "Place", "maxunpool"}  # maxunpool takes the very map that was pooled before
    assert {*NAMES, *kinds} - found == never
    assert [form for form in re.split(" {2,}|\n", FORMS) if not any(form in text for text in texts)] == []
    assert wiring.FORMS - wired == set()
    for form in (r'\b\d+"?: ', "(add|mul|concat) for "):  # a number as label, paths of a list
        assert any(re.search(form, text) for text in texts)
