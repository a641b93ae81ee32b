"""The sizes that `cnnspec sizes` calls valid are those that the emitted PyTorch takes, with the same outputs.

The programs run on PyTorch's meta device, which computes shapes and nothing else. Each family is tried by one
of its nets, at some sizes; with CNNSPEC_LONG=1 every net at every size from 1 to 300.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from cnnspec.analysis.sizes.explore import Explorer
from cnnspec.analysis.sizes.sets import members
from cnnspec.analysis.sizes.survey import SizeSurvey
from tests.zoo.shipped import FILES, network

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

LONG = "CNNSPEC_LONG" in os.environ
END = 300
SAMPLES = 5  # sizes, beside those at the ends of the valid ones
NETS = sorted(FILES) if LONG else sorted({file: net for net, file in reversed(FILES.items())}.values())
Emitted = Callable[..., Any]


def surveyed(net: str) -> SizeSurvey:
    explorer = Explorer(network(net))
    return SizeSurvey(explorer, tuple(explorer.written), END)


def run(model: Any, survey: SizeSurvey, height: int, width: int) -> list[tuple[int, ...]] | None:
    """The shapes that a program in training yields, without their batch; None where it refuses the size."""
    given = survey.inputs_at(height, width).values()
    try:
        with torch.no_grad():
            out = model(*(torch.empty(2, *shape, device="meta") for shape in given))
    except (RuntimeError, ValueError):
        return None
    return [tuple(tensor.shape[1:]) for tensor in ([out] if isinstance(out, torch.Tensor) else out)]


def told(survey: SizeSurvey, height: int, width: int) -> list[tuple[int, ...]] | None:
    """The same by the size program; None where the size is not valid, or not for the weights."""
    fits = height in survey.heights.fitting and width in survey.widths.fitting
    if not fits and not any(
        height in members(high, END) and width in members(wide, END) for high, wide in survey.other_maps
    ):
        return None
    found = survey.explorer.explore([survey.inputs_at(height, width)])
    return [tuple(found.first.flows[at].shape(0).dimensions) for _, at, _ in survey.explorer.graph.outputs]


def sizes(survey: SizeSurvey) -> list[tuple[int, int]]:
    """Squares, and some of other forms; more at the ends of what is valid."""
    squares = set(range(1, END + 1))
    if not LONG:
        fitting = survey.heights.fitting
        ends = [n for n in squares if (n in fitting) != (n + 1 in fitting)][:3]
        squares = {*range(7, END, END // SAMPLES), *ends, *(n + 1 for n in ends), survey.heights.valid[0]}
    found = [(n, n) for n in sorted(squares) if n <= END]
    return found + [(height, found[-1 - i][0]) for i, (height, _) in enumerate(found[:: 4 if LONG else 3])]


@pytest.mark.parametrize("net", NETS)
def test_the_program_takes_what_is_valid(net: str, emitted: Emitted) -> None:
    survey = surveyed(net)
    assert not survey.coupled
    follows = any(node.following is not None for node in survey.explorer.graph.nodes)
    with torch.device("meta"):
        written = emitted(net)()
    for height, width in sizes(survey):
        expected, model = told(survey, height, width), written
        if follows and expected is not None:  # the program has the sizes of one input written into it
            with torch.device("meta"):
                model = emitted(net, input=f"{survey.explorer.written['input'].channels}@{height}x{width}")()
        assert run(model, survey, height, width) == expected, (height, width)
