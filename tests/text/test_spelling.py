"""What is suggested for a name that does not exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec import layers
from cnnspec.text.spelling import distance, suggest

ARGUMENTS = ["filter", "stride", "pad", "dilation", "groups", "bias", "mode", "init", "weights", "frozen"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Conv2d", "conv"),
        ("conv2D", "conv"),
        ("cnov", "conv"),
        ("dense", "linear"),
        ("fc", "linear"),
        ("BN", "batchnorm"),
        ("BatchNorm2d", "batchnorm"),
        ("batch_norm", "batchnorm"),
        ("MaxPool2d", "maxpool"),
        ("max_pool", "maxpool"),
        ("maxpol", "maxpool"),
        ("GAP", "globalavgpool"),
        ("residual", "add"),
        ("ReLU", "relu"),
        ("rleu", "relu"),
        ("LeakyReLU", "leakyrelu"),
        ("swish", "silu"),
        ("softmx", "softmax"),
        ("droput", "dropout"),
        ("ConvTranspose2d", "convtranspose"),
    ],
)
def test_layers_by_other_names(word: str, meant: str) -> None:
    assert suggest(word, layers.NAMES)[0] == meant


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("strides", "stride"),
        ("padding", "pad"),
        ("kernel_size", "filter"),
        ("out_channels", "filter"),
        ("padding_mode", "mode"),
        ("dilation_rate", "dilation"),
        ("rate", "dilation"),
        ("group", "groups"),
        ("biass", "bias"),
        ("use_bias", "bias"),
    ],
)
def test_arguments_by_other_names(word: str, meant: str) -> None:
    assert suggest(word, ARGUMENTS)[0] == meant


@pytest.mark.parametrize("word", ["xyz", "q", "transformer", "attention", "a" * 300, ""])
def test_nothing_is_better_than_nonsense(word: str) -> None:
    assert suggest(word, layers.NAMES) == []


def test_an_alias_is_suggested_only_where_it_exists() -> None:
    assert suggest("dense", ["conv", "Block"]) == []


def test_at_most_three_and_the_nearest_first() -> None:
    assert suggest("block", ["blck2", "blocks", "blockx", "blocka"]) == ["blocka", "blocks", "blockx"]


def test_capitals_alone_leave_no_doubt() -> None:
    assert suggest("lenet", ["LeNet", "LeNets"]) == ["LeNet"]


@pytest.mark.parametrize(
    ("left", "right", "steps"),
    [("", "abc", 3), ("conv", "cnov", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)],
)
def test_distance(left: str, right: str, steps: int) -> None:
    assert distance(left, right, 9) == steps


@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.integers(0, 4))
def test_distance_is_symmetric_and_its_limit_changes_nothing_below_it(
    left: str, right: str, limit: int
) -> None:
    steps = distance(left, right, 99)
    assert steps == distance(right, left, 99)
    assert (distance(left, right, limit) <= limit) == (steps <= limit)


def test_a_name_too_long_to_be_meant_ends() -> None:
    """Compared letter by letter with each candidate, it would take minutes."""
    assert suggest("x" * 100_000, [f"block{i}" for i in range(1000)]) == []
