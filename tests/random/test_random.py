"""Drawn networks: checker and PyTorch agree on every size, both back ends on numbers, all on what is wrong.

In CI a slice of fixed seeds is tried. `CNNSPEC_LONG=1 python -m pytest tests/random -n auto` is the long run:
10,000 files for sizes, 1,000 for numbers, 2,000 with a change that few networks survive.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cnnspec.compiler import Checked, check_text
from cnnspec.layers.base import Misfit
from tests.random import agreement
from tests.random.files import files
from tests.random.mutations import mutants
from tests.random.nets import File
from tests.random.place import Refused, Unforeseen
from tests.random.refusals import torch_runs

LONG = "CNNSPEC_LONG" in os.environ
SHARDS = {"sizes": 40, "numbers": 10, "refusals": 20} if LONG else {}
COUNTS = {"sizes": 250, "numbers": 100, "refusals": 100}
SLICE = {"sizes": 60, "numbers": 25, "refusals": 80}
EXAMPLES = COUNTS if LONG else SLICE

ACCEPTED = {
    ("E0405", "globalavgpool"): "a batch of vectors is to PyTorch one map without a batch",
    ("E0402", "add"): "PyTorch broadcasts",
    ("E0402", "sub"): "PyTorch broadcasts",
    ("E0402", "mul"): "PyTorch broadcasts more than a gate over a map",
}
"""What PyTorch takes and cnnspec refuses, by the code and the layer, and why."""


def shards(kind: str) -> Any:
    return pytest.mark.parametrize("shard", range(SHARDS.get(kind, 1)))


def explore(kind: str, shard: int, drawn: st.SearchStrategy[File], check: Callable[[File], None]) -> None:
    """Check so many files, always the same for a shard."""

    @seed(shard)
    @settings(
        max_examples=EXAMPLES[kind],
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def each(file: File) -> None:
        try:
            check(file)
        except Exception as problem:
            raise AssertionError(str(file)) from problem

    each()


def errors(found: Checked) -> set[str]:
    return {each.code for each in found.diagnostics if each.severity == "error"}


@shards("sizes")
def test_pytorch_has_every_size(shard: int) -> None:
    """And the checker makes of every file what its drawing meant."""

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


@shards("refusals")
def test_what_is_refused_pytorch_refuses(shard: int) -> None:
    """A changed file is refused by its reading, the checker and PyTorch, or runs in all of them."""

    def check(file: File) -> None:
        found = check_text(str(file))
        try:
            file.run()
        except Unforeseen:
            return
        except Refused as refused:
            assert refused.code in errors(found)
            if refused.layer is None or (refused.code, refused.layer.name) in ACCEPTED:
                return
            try:
                made = torch_runs(refused)
            except (Misfit, ArithmeticError):  # the arguments name no module at all
                return
            assert made is None or min(made) < 1, (refused, made)
        else:
            assert not errors(found)
            for net in found.networks:
                agreement.sizes(net)

    explore("refusals", shard, mutants(), check)
