"""What a report costs is bounded by its text: it does not grow with a number that stands there."""

from __future__ import annotations

import tracemalloc

import pytest

from cnnspec.analysis.sizes.explore import Explorer
from cnnspec.analysis.sizes.near import proposals
from cnnspec.analysis.sizes.size_program import TooMuch
from cnnspec.api import check_source
from cnnspec.elaborate.settings import Settings
from cnnspec.layers.windows import transposed
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from tests.nets import network

MEMORY = 32 * 2**20
SHAPES = 5_000

FAULTY = (
    ("1@{}x9", "maxpool 10x10"),
    ("1@{}x32", "concat { | identity | maxpool 3x3 }"),
    ("1@2x{}", "maxpool 3x3"),
    ("1@{0}x{0}", "maxpool 2x2, flatten, linear 9 in=4"),
    ("1@3x{}", "concat { | identity | maxpool 2x2, upsample 2 }"),
    ("1@{}x9", "require in.height % 16 == 0"),
)
LINTED = (  # of what is valid, too, what is looked at is bounded
    "conv 1@3x3 dilation=2 pad=2\n concat { | pad [2000000000, 0, 0, 0] | pad [0, 2000000000, 0, 0] }",
    "crop 4092x8\n concat { | upsample [1.0002443792766373, 1], upsample [0.99975568030, 1]"
    " | upsample [1.000244498777506, 1], upsample [0.9997555609875336, 1] }",
    "conv 1@3x3 dilation=2 pad=2\n adaptiveavgpool 2x2000003",
    "conv 1@3x3 dilation=2 pad=2\n convtranspose 1@5001x1 stride=5000x1",
)


def peak(text: str) -> int:
    """The most memory that a report takes, fixes and lints and all."""
    tracemalloc.start()
    try:
        check_source(Source("net.cnn", text), read_library, None, Settings(), False, lint=True)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "steps"), FAULTY)
def test_a_wide_or_tall_input(size: str, steps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far its sides are apart, as many shapes are tried for a fix as of a small one."""
    tried = []
    explore = Explorer.explore
    monkeypatch.setattr(
        Explorer, "explore", lambda self, sizes: tried.append(len(sizes)) or explore(self, sizes)
    )
    counts = []
    for side in (1001, 200_000_001):
        tried.clear()
        assert peak(f"net A {{\n input {size.format(side)}\n {steps}\n}}\n") < MEMORY
        counts.append(sum(tried))
    assert counts[1] <= max(counts[0], 1) <= SHAPES


@pytest.mark.parametrize("steps", LINTED)
def test_large_numbers_in_lints(steps: str) -> None:
    assert peak(f"net A {{\n input 1@8200x8\n {steps}\n}}\n") < MEMORY


@pytest.mark.slow
def test_the_sizes_of_a_long_net() -> None:
    """A map of another size behind each of many layers: the places of a run are counted, too."""
    text = "net A {\n input 1@90000x90000\n repeat 3000 { conv 1@3x3 }\n}\n"
    explorer = Explorer(network(text), work=20_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch):
            proposals(explorer, 64)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("k", "s", "d", "p"), [(5, 2, 1, 1), (3, 4, 2, 0), (7, 3, 2, 3), (2, 5, 3, 1)])
def test_what_a_transposed_kernel_adds_up(k: int, s: int, d: int, p: int) -> None:
    """The first and the last pixel whose taps fall on each: by trying all of them."""
    window = transposed(k, s, d, p)
    for q in range(s):
        pixels = [(q + p - t * d) // s for t in range(k) if (q + p - t * d) % s == 0]
        if pixels:
            assert (min(pixels), max(pixels)) == (window.first[q], window.last[q])
