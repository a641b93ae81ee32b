"""Emitted PyTorch against the flat graph on random specifications.

`CNNSPEC_RANDOM=2000 python -m pytest tests/backends/test_torch_random.py` is the longer run.
"""

from __future__ import annotations

import os

import pytest

from cnnspec.compiler import check_text
from tests.backends.interpreter import agree
from tests.random.files import seeded

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("CNNSPEC_RANDOM", "50"))
LARGEST = 400  # layers: enough for every form


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_random_nets_do_what_their_graphs_say(start: int) -> None:
    built = 0
    for seed in range(start, min(start + 25, SEEDS)):
        text = seeded(seed)
        found = check_text(text)
        if found.diagnostics or found.expanded > LARGEST:
            continue
        built += 1
        for training in (False, True):
            try:
                agree(text, training=training)
            except Exception as problem:
                raise AssertionError(f"seed {seed}:\n{text}") from problem
    assert built > 4
