"""The size program against the checker, which is asked about one input at a time."""

from __future__ import annotations

import os

import pytest

from cnnspec.analysis.sizes.explore import Explorer, Inputs
from cnnspec.analysis.sizes.sets import members
from cnnspec.analysis.sizes.survey import Survey
from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check, rechecker
from cnnspec.elaborate.network import Settings
from cnnspec.files import read_library
from cnnspec.graph import Network
from cnnspec.shapes import Shape
from cnnspec.source import Source
from tests.analysis.sized_nets import spec

LONG = bool(os.environ.get("CNNSPEC_LONG"))
END = 14


def explorer(text: str, recheck: bool = True) -> Explorer | None:
    source = Source("net.cnn", text)
    found = check(source, read_library)
    if not found.ok or not found.networks:
        return None
    again = rechecker(source, read_library, found.networks[0].name, Settings())
    return Explorer(found.networks[0], again if recheck else None)


def shapes(network: Network) -> dict[str, Shape]:
    return {node.path: node.output for node in unroll(network).nodes}


def weights(network: Network) -> dict[str, object]:
    return {node.path: node.weights for node in unroll(network).nodes if node.weights and not node.shared}


def compare(found: Explorer, inputs: list[Inputs]) -> None:
    """Every input as the checker has it: whether it is valid, and every value's shape."""
    told = found.explore(inputs)
    for i, given in enumerate(inputs):
        assert found.recheck is not None
        network = found.recheck(given)
        assert told.valid[i] is (network is not None), given
        if network is not None:
            spot = told.spots[i]
            assert spot is not None
            run, j = spot
            for path, shape in shapes(network).items():
                assert run.flows[path].shape(j) == shape, (given, path)


@pytest.mark.parametrize("seed", range(4000 if LONG else 120))
def test_random_nets(seed: int) -> None:
    found = explorer(spec(seed))
    if found is None:
        return
    sizes = [(n, n) for n in range(1, END + 1)] + [(n, END + 1 - n) for n in range(1, END + 1)]
    compare(found, [{"input": Shape(4, *size)} for size in sizes])


@pytest.mark.parametrize("seed", range(1500 if LONG else 40))
def test_what_a_survey_says_of_heights_and_widths(seed: int) -> None:
    """The pairs that it calls valid, and those that it says the weights fit, are just those that are."""
    found = explorer(spec(seed))
    if found is None:
        return
    survey = Survey(found, ("input",), END)
    written = weights(found.network)
    elsewhere = {
        (height, width)
        for high, wide in survey.elsewhere
        for height in members(high, END)
        for width in members(wide, END)
    }
    for height in range(1, END + 1):
        for width in range(1, END + 1):
            if survey.coupled and height != width:
                continue
            network = found.recheck and found.recheck(survey.at(height, width))
            if survey.squares:
                valid, fits = height in survey.squares.valid, height in survey.squares.fitting
            else:
                valid = height in survey.heights.valid and width in survey.widths.valid
                fits = height in survey.heights.fitting and width in survey.widths.fitting
            assert valid is (network is not None), (height, width)
            loads = network is not None and weights(network) == written
            assert (fits or (height, width) in elsewhere) is loads, (height, width)
