"""The words of the field: each has a formula, and an example whose numbers the package computes."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from click.testing import CliRunner

import cnnspec
from cnnspec import layers
from cnnspec.commands.cli import main
from cnnspec.faults import handbook, words
from cnnspec.tables.rows import Reach, rows_of, table

WORDS = {word.names[0]: word for word in words.words()}
FUNCTIONS = {name: getattr(math, name) for name in ("ceil", "exp", "log", "sqrt")}

ASKED_FOR = (
    "stride", "padding", "kernel", "filter", "channel", "feature map", "receptive field", "pooling",
    "activation", "batch norm", "epoch", "dilation", "groups", "flatten", "softmax", "logits", "loss",
    "learning rate", "skip", "residual", "depthwise", "overfitting", "FLOPs",
    "Batch-Norm", "skip connections",
)  # fmt: skip


def comments(word: words.Word) -> list[str]:
    return re.findall(r"# (.+)$", word.example, re.MULTILINE)


def net_of(word: words.Word) -> cnnspec.Net:
    return cnnspec.loads(f"net Example {{\n{word.example}\n}}")


def compute(sum_: str) -> float:
    return float(eval(sum_, {"__builtins__": {}}, FUNCTIONS))


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(", ")]


def figure(net: cnnspec.Net, name: str) -> Any:
    if name == "field":
        (*_, last) = rows_of(table(net.network).items)
        assert isinstance(last.field, Reach)
        return last.field.size[0]
    return {"parameters": net.params, "MACs": net.macs}[name]


@pytest.mark.parametrize("name", WORDS)
def test_every_sum_comes_out(name: str) -> None:
    """Sums are arithmetic: what stands before the sign, computed, is what stands behind it."""
    word = WORDS[name]
    sums = re.findall(r"^(?:.*# )?(?:\w+: )?([-(\w].*) = ([-\d.,]+)$", word.example, re.MULTILINE)
    assert sums or any(" become " in comment for comment in comments(word))
    for sum_, result in sums:
        digits = len(result.partition(".")[2])
        assert round(compute(sum_), digits) == float(result.replace(",", "")), sum_


@pytest.mark.parametrize("name", [name for name, word in WORDS.items() if "input " in word.example])
def test_every_example_is_a_net_of_these_sizes_and_figures(name: str) -> None:
    word = WORDS[name]
    net = net_of(word)
    assert comments(word)
    for comment in comments(word):
        label, _, result = re.fullmatch(r"(?:(\w+): )?(.+?)(?: = ([\d,]+))?", comment).groups()  # type: ignore[union-attr]
        if label:
            assert figure(net, label) == int(result.replace(",", "")), comment
        elif result:
            assert int(result) in [size for layer in net.layers for size in layer.output.dimensions], comment


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, word in WORDS.items() if " become " in word.example])
def test_the_layer_makes_these_numbers(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    net = net_of(WORDS[name])
    (comment,) = comments(WORDS[name])
    arriving, leaving = map(numbers, comment.split(" become "))
    (given,) = net.network.inputs
    assert given.value.shape is not None
    images = numpy.array(arriving, "float32").reshape(1, *given.value.shape.dimensions)
    assert net.numpy(seed=0)(images).ravel().round(3).tolist() == pytest.approx(leaving, abs=5e-4)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_leads_to_words(name: str) -> None:
    word = WORDS[name]
    assert all(words.find(each) or layers.find(each) for each in word.see)
    assert all(len(line) <= 120 for line in words.render(word, 100).split("\n"))


def test_no_name_has_two_words() -> None:
    names = [words.plain(name) for word in WORDS.values() for name in word.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ASKED_FOR)
def test_what_a_beginner_asks_for_is_there(name: str) -> None:
    if name == "depthwise":  # a layer
        assert "mixes the channels" in " ".join(handbook.page("depthwise convolution").split())
    assert handbook.page(name)


def test_several_words_are_one_name_on_the_command_line() -> None:
    result = CliRunner().invoke(main, ["explain", "receptive", "field"])
    assert result.exit_code == 0 and result.output.startswith("receptive field\n\n")
    both = CliRunner().invoke(main, ["explain", "softmax"]).output
    assert "In PyTorch: nn.Softmax" in both and "exp(x[i])" in both


def test_a_part_that_lacks_its_formula_is_refused() -> None:
    with pytest.raises(ValueError, match="# stride"):
        words.parse("# stride\n\nHow far.\n\nExample:\n\n    1 = 1\n\nSee: padding\n")
