"""Blocks are found in a bare graph, whose keys only tell tensors apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from cnnspec.compiler import check, check_text
from cnnspec.graph.tree import Network
from cnnspec.importers.from_network import model_of
from cnnspec.importers.model import Model, Output, Scope, all_keys
from cnnspec.importers.prove import compare, correspond
from cnnspec.importers.structure.discover import discover, renamed
from cnnspec.importers.structure.normalise import normalise
from cnnspec.importers.write import specify
from cnnspec.text.files import read, read_used
from tests.nets import network
from tests.random.files import files
from tests.random.nets import File

SPECS = Path(__file__).parents[2] / "specs"
LINES = {"resnet": 20, "mobilenet_v2": 20, "densenet": 20, "googlenet": 30, "efficientnet": 40}


def bare(net: Network) -> Model:
    """The model of a network as a source without names has it: without what only training needs."""
    model = model_of(net)
    outputs = [output for output in model.outputs if not output.training]
    needed = {output.value.number for output in outputs}
    operations = []
    for operation in reversed(model.operations):
        if operation.output.number in needed:
            needed |= {value.number for value in operation.inputs}
            keys = {name: f"tensor {key}" for name, key in operation.keys.items()}
            operations.append(operation._replace(keys=keys, scopes=()))
    unnamed = tuple(Output("", output.value) for output in outputs)
    return model._replace(operations=tuple(operations[::-1]), outputs=unnamed, named=False)


def kinds(body: str, shape: str = "16@32x32") -> dict[str, int]:
    """How many instances of each class are found in the graph of a net."""
    made = discover(bare(network(body, shape=shape))).model
    scopes = {scope for operation in made.operations for scope in operation.scopes}
    return dict(sorted(Counter(scope.kind for scope in scopes).items()))


def residual(path: str, other: str = "identity") -> str:
    return f"add {{\n| {path}\n| {other}\n}}\n"


BASIC = "conv 16@3x3 pad=1, relu, conv 16@3x3 pad=1"


def test_alike_sums_are_one_block_whichever_path_is_first() -> None:
    norm = "conv 16@3x3 pad=1 bias=no, batchnorm"
    paths = [f"{norm}, relu, {norm}, relu, {norm}", norm]
    text = specify(
        bare(network("".join(residual(*paths[::way]) for way in (1, -1, 1)), shape="16@32x32"))
    ).text
    assert text.count("add {") == 1 and "if" not in text
    noisy = [path + ", dropout 0.5" for path in paths]
    body = "".join(residual(*noisy[::way]) for way in (1, -1, 1))
    text = specify(bare(network(body, shape="16@32x32"))).text
    assert text.count("add {") == 3 or "if" in text


FORKED = """relu, start: identity
a: conv 8@1x1
from start, conv 8@1x1
fork: tanh
c: conv 8@1x3 pad=0x1
from fork
d: conv 8@3x1 pad=1x0
concat { | from a | from c | from d }
"""
GROWING = """relu, a: conv 8@1x1
b: conv 8@3x3 pad=1
c: conv 8@5x5 pad=2
concat { | from c | from b | from a }
"""


def test_operands_of_one_fork_are_concatenated_first() -> None:
    assert lines_of(FORKED) == [
        "relu",
        "concat {",
        "| conv 8@1x1",
        "| conv 8@1x1, tanh",
        "concat { | conv 8@1x3 pad=0x1 | conv 8@3x1 pad=1x0 }",
        "}",
    ]
    assert lines_of(GROWING) == [
        "relu, conv 8@1x1",
        "concat {",
        "| conv 8@3x3 pad=1",
        "concat { | conv 8@5x5 pad=2 | identity }",
        "| identity",
        "}",
    ]


def lines_of(body: str) -> list[str]:
    """What a net becomes of which the graph alone is known."""
    text = specify(bare(network(body, shape="16@32x32"))).text
    return [line.strip() for line in text.split("\n")[2:-2]]


def test_joins_that_are_alike_are_a_class_however_their_shorter_paths_differ() -> None:
    assert kinds(residual(BASIC) + residual(BASIC, "conv 16@1x1")) == {"Residual": 2}
    assert kinds(residual(BASIC)) == {}
    assert kinds(residual(BASIC) + residual("conv 16@3x3 pad=1")) == {}


def test_the_activation_that_always_stands_behind_is_taken_along() -> None:
    made = discover(bare(network((residual(BASIC) + "relu\n") * 2, shape="16@32x32"))).model
    assert all(operation.scopes for operation in made.operations)


def test_a_chain_like_the_longest_path_is_an_instance() -> None:
    step = "conv 96@1x1, relu6, depthwise 3x3 {}pad=1, relu6, conv {}@1x1\n"
    body = "".join(step.format("stride=2 ", width) + residual(step.format("", width)) for width in (24, 32))
    assert kinds(body) == {"InvertedResidual": 4}


def test_convolutions_in_a_row_are_no_residual_block() -> None:
    assert kinds(residual(BASIC) * 2 + BASIC) == {"Residual": 2}


def test_gates_are_passed_over_where_joins_are_compared() -> None:
    gate = ", mul { | identity | globalavgpool, conv 4@1x1, relu, conv 16@1x1, sigmoid }"
    path = "conv 16@1x1, relu, conv 16@3x3 pad=1, relu{}, conv 16@1x1"
    body = residual(path.format("")) + 2 * residual(path.format(gate))
    assert kinds(body) == {"Bottleneck": 3, "SqueezeExcite": 2}


def test_a_shorter_path_is_not_sought_in_a_longer_one() -> None:
    longer = "conv 64@1x1, relu, depthwise 3x3 pad=1, relu, conv 16@1x1"
    body = residual("depthwise 3x3 pad=1, relu, conv 16@1x1") + 2 * residual(longer)
    assert kinds(body) == {"InvertedResidual": 2}


def test_what_always_stands_before_a_fork_is_taken_along() -> None:
    fire = "conv 8@1x1, relu, concat { | conv 16@1x1, relu | conv 16@3x3 pad=1, relu }\n"
    assert kinds(2 * fire) == {"Fork": 2}
    made = discover(bare(network(2 * fire))).model
    assert all(operation.scopes for operation in made.operations)


def test_units_are_made_where_convolutions_have_norms() -> None:
    unit = "conv 16@3x3 pad=1, batchnorm, relu\n"
    assert kinds(3 * unit) == {"ConvNorm": 3}
    assert kinds(3 * unit + 3 * "conv 16@3x3\n") == {}


def test_classes_of_one_word_have_letters() -> None:
    wide = "concat { | conv 8@1x1 | conv 8@1x1, relu | conv 8@3x3 pad=1 }\n"
    other = wide.replace("3x3 pad=1", "1x1, conv 8@1x1")
    assert kinds(2 * wide + 2 * other) == {"InceptionA": 2, "InceptionB": 2}


def test_weights_that_run_twice_are_in_no_block() -> None:
    body = residual("a: conv 16@3x3 pad=1, relu, b: conv 16@3x3 pad=1") + residual("again a, relu, again b")
    assert kinds(body) == {}
    assert specify(bare(network(body, shape="16@32x32"))).text.count("again") == 2


def test_keys_follow_the_place_in_the_network() -> None:
    """Paths of one form differ in their weights alone."""
    body = "add { | a: conv 16@1x1, relu, b: conv 16@1x1 | c: conv 16@1x1, relu, d: conv 16@1x1 }"
    found = specify(bare(network(body)))
    pairs = {key.removesuffix(".weight"): own for own, key in found.keys.items() if own.endswith(".weight")}
    assert pairs == {
        "tensor a": "conv1.weight",
        "tensor b": "conv2.weight",
        "tensor c": "conv3.weight",
        "tensor d": "conv4.weight",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_published_nets_are_short(name: str) -> None:
    text = specify(
        bare(check(read(str(SPECS / f"{name}.cnn"), 10**7), read_used, first=True).networks[0])
    ).text
    assert len([line for line in text.splitlines() if line]) <= LINES[name]


@pytest.mark.slow
@seed(0)
@settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_what_is_discovered_is_the_same_network(file: File) -> None:
    """All operations are there, once and with their own tensors; scopes nest; the text proves itself."""
    found = check_text(str(file))
    for net in found.networks if found.ok else ():
        model = bare(net)
        made = discover(model)
        assert sorted(made.keys.values()) == sorted({*all_keys(normalise(model))})
        assert compare(renamed(model, {old: new for new, old in made.keys.items()}), made.model) is None
        for operation in made.model.operations:
            assert all(nests(a, b) for a, b in zip(operation.scopes, operation.scopes[1:], strict=False))
        text = specify(model)
        again = model_of(check_text(text.text).networks[0])
        assert compare(renamed(model, {old: new for new, old in text.keys.items()}), again) is None
        assert correspond(model, again) == text.keys


def nests(outer: Scope, inner: Scope) -> bool:
    return inner.path.startswith(f"{outer.path}.") and inner.kind != outer.kind
