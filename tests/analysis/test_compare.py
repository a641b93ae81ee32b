"""Networks compared: nothing between a net and itself, all of both once, and of an edit just that edit.

With CNNSPEC_LONG=1 in the environment a hundred times as many edits are tried.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from cnnspec import layers as language
from cnnspec.analysis.compare import Comparison, compare
from cnnspec.analysis.components import Change, Signs, component_tree, layers, leaves
from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import Checked, check, check_text
from cnnspec.graph.tree import TRAINING, Network
from cnnspec.text import syntax
from cnnspec.text.files import read_used
from cnnspec.text.source import Source
from tests import nets
from tests.random.files import seeded
from tests.text.parsing import TEXTS, nodes, tree
from tests.zoo.shipped import FILES, SPECS, network

pytestmark = pytest.mark.slow

LONG = "CNNSPEC_LONG" in os.environ
PAIRS = [
    ("ResNet18", "ResNet34"),
    ("ResNet34", "ResNet50"),
    ("ResNet50", "ResNet152"),
    ("ResNet50", "WideResNet50"),
    ("VGG16", "VGG19BN"),
    ("UNet", "PaddedUNet"),
    ("GoogLeNet", "InceptionV3"),
    ("EfficientNetB0", "EfficientNetB3"),
    ("MobileNetV2", "MobileNetV3Small"),
    ("DenseNet121", "ResNet18"),
    ("LeNet5", "LeNet1998"),
    ("Siamese", "Edges"),
]


def net(body: str) -> Network:
    return nets.network(body, shape="4@16x16")


def statuses(comparison: Comparison) -> Counter[str]:
    return Counter(each.status for each in layers(comparison.whole))


def differing(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Status and paths of what is neither the same nor affected."""
    return [
        (each.status, each.before.path if each.before else "", each.after.path if each.after else "")
        for each in layers(comparison.whole)
        if each.status not in ("same", "affected")
    ]


def changes(comparison: Comparison) -> list[Change]:
    return [change for each in layers(comparison.whole) for change in each.changes]


def check_whole(comparison: Comparison) -> None:
    """Every layer of both nets stands in the comparison once, in the order of the second net."""
    found = list(layers(comparison.whole))
    before = [each.before.path for each in found if each.before]
    assert sorted(before) == sorted(node.path for node in unroll(comparison.before).nodes)
    after = [each.after.path for each in found if each.after]
    assert after == [node.path for node in unroll(comparison.after).nodes]
    assert all(each.before.name == each.after.name for each in found if each.before and each.after)
    tensors = comparison.tensors
    groups = (tensors.loads, tensors.reshaped, tensors.misplaced, tensors.renamed, tensors.lost)
    assert sum(map(len, groups)) == tensors.before


def mirrored(comparison: Comparison) -> list[Any]:
    """As `told`, from the other side."""
    found = [
        (
            each.after and each.after.path,
            each.before and each.before.path,
            sorted((change.what, str(change.after), str(change.before)) for change in each.changes),
        )
        for each in layers(comparison.whole)
    ]
    return sorted(found, key=str)


def told(comparison: Comparison) -> list[Any]:
    """The pairs, and what was changed of them."""
    found = [
        (
            each.before and each.before.path,
            each.after and each.after.path,
            sorted((change.what, str(change.before), str(change.after)) for change in each.changes),
        )
        for each in layers(comparison.whole)
    ]
    return sorted(found, key=str)


@pytest.mark.parametrize("name", FILES)
def test_a_net_is_the_same_as_itself(name: str) -> None:
    one, two = network(name), network(name)
    graph = unroll(one)
    assert [leaf.node for leaf in leaves(component_tree(one, graph, Signs()))] == list(graph.nodes)
    found = compare(one, two)
    assert found.same and set(statuses(found)) == {"same"}
    assert len(found.tensors.loads) == found.tensors.before == found.tensors.after


@pytest.mark.parametrize("pair", PAIRS)
def test_all_layers_are_told_once_and_the_same_both_ways(pair: tuple[str, str]) -> None:
    one, two = map(network, pair)
    there, back = compare(one, two), compare(two, one)
    check_whole(there)
    check_whole(back)
    assert told(there) == mirrored(back)
    assert there.figures == back.figures[::-1]
    assert not there.same


def test_random_nets() -> None:
    """Each net is compared with itself and the one before."""
    found = [check_text(seeded(seed)) for seed in range(1000 if LONG else 60)]
    nets = [each.networks[0] for each in found if each.networks and each.expanded <= 400]
    assert len(nets) > 40
    for first, second in pairwise(nets):
        assert compare(first, first).same
        there = compare(first, second)
        check_whole(there)
        assert told(there) == mirrored(compare(second, first))


# What is told apart

CHAIN = "conv 8@3x3 pad=1, batchnorm, relu, maxpool 2x2, conv 16@3x3 pad=1, relu, flatten, linear 10"

SWAPPED = [("added", "", "relu1"), ("removed", "relu1", "")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (CHAIN, CHAIN.replace("8@3x3 pad=1", "8@5x5 pad=2"), [("changed", "conv1", "conv1")]),
        (CHAIN, CHAIN.replace("batchnorm, ", ""), [("removed", "batchnorm1", "")]),
        (CHAIN, CHAIN.replace("flatten", "dropout, flatten"), [("added", "", "dropout1")]),
        (CHAIN, CHAIN.replace("batchnorm, relu", "relu, batchnorm"), SWAPPED),
        (CHAIN, CHAIN.replace("linear", "head: linear"), [("changed", "linear1", "head")]),
        (CHAIN, CHAIN.replace("linear 10", "linear 10 in=1024"), []),
        (CHAIN, CHAIN.replace("conv 8", "repeat 1 { conv 8").replace("relu", "relu }", 1), []),
    ],
)  # fmt: skip
def test_one_edit(before: str, after: str, expected: list[tuple[str, str, str]]) -> None:
    assert sorted(differing(compare(net(before), net(after)))) == sorted(expected)


def test_causes_are_told_from_what_follows() -> None:
    found = compare(net(CHAIN), net(CHAIN.replace("8@3x3 pad=1", "12@3x3 pad=1 stride=2")))
    assert changes(found) == [Change("filters", 8, 12), Change("stride", (1, 1), (2, 2))]
    assert statuses(found) == {"changed": 1, "affected": 7}
    assert [key for key, _, _ in found.tensors.reshaped] == [
        "conv1.weight", "conv1.bias", "batchnorm1.weight", "batchnorm1.bias", "batchnorm1.running_mean",
        "batchnorm1.running_var", "conv2.weight", "linear1.weight",
    ]  # fmt: skip


def test_braces_around_layers_change_keys_alone() -> None:
    found = compare(net(CHAIN), net(CHAIN.replace("conv 8", "stem: { conv 8").replace("2x2", "2x2 }")))
    assert statuses(found) == {"moved": 6, "same": 2}
    assert ("conv2.weight", "conv1.weight") in found.tensors.renamed
    assert not found.same


def test_weights_that_would_go_into_another_layer() -> None:
    body = "conv 4@3x3 pad=1, {} conv 4@3x3 pad=1 bias=no"
    found = compare(net(body.format("")), net(body.format('conv 4@3x3 pad=1 bias=no init="he", relu,')))
    assert found.tensors.misplaced == ("conv2.weight",)
    assert found.tensors.loads == ("conv1.weight", "conv1.bias")
    assert found.tensors.new == ("conv3.weight",)


SKIP = "a: conv 4@3x3 pad=1, relu, b: conv 4@3x3 pad=1, tanh\nadd {{ | identity | from {} }}"


def test_what_a_layer_reads() -> None:
    found = compare(net(SKIP.format("a")), net(SKIP.format("b")))
    assert [(change.what, change.before, change.after) for change in changes(found)] == [("reads", "a", "b")]
    swapped = SKIP.replace("identity | from {}", "from {} | identity").format("a")
    assert [change.what for change in changes(compare(net(SKIP.format("a")), net(swapped)))] == ["reads"] * 2


def test_a_path_more() -> None:
    body = "concat {{ | conv 2@1x1, relu | {} conv 4@1x1, relu }}"
    found = compare(net(body.format("")), net(body.format("conv 3@1x1, relu |")))
    assert sorted(differing(found)) == [
        ("added", "", "conv2"), ("added", "", "relu2"), ("changed", "concat1", "concat1"),
        ("moved", "conv2", "conv3"), ("moved", "relu2", "relu3"),
    ]  # fmt: skip
    assert changes(found) == [Change("paths", 2, 3)]


def test_a_skip_put_around_layers_changes_none_of_them() -> None:
    body = "relu, conv 4@3x3 pad=1, batchnorm, tanh"
    skip = "relu, add { | identity | conv 4@3x3 pad=1, batchnorm }, tanh"
    assert differing(compare(net(body), net(skip))) == [("added", "", "add1")]
    assert differing(compare(net(skip), net(body))) == [("removed", "add1", "")]


def test_outputs_and_training() -> None:
    body = "a: conv 4@3x3, flatten\nb: linear 2\nfrom a\nc: conv 2@3x3\noutput b\n{}"
    found = compare(net(body.format("")), net(body.format("output c train=yes")))
    assert [(port.name, str(port.before), str(port.after)) for port in found.ports] == [
        ("input", "4@16x16", "4@16x16"), ("b", "2", "2"), ("c", "None", "2@12x12"),
    ]  # fmt: skip
    assert set(statuses(found)) == {"same"} and not found.same
    found = compare(net(body.format("output c")), net(body.format("output c train=yes")))
    assert found.ports[2].changes == (Change("train", False, True),)
    assert [(change.what, change.after) for change in changes(found)] == [("idle", TRAINING)]
    moved = compare(
        net(body.format("output c")), net(body.replace("output b", "output a").format("output c"))
    )
    assert [port.name for port in moved.ports if port.before != port.after] == ["b", "a"]


def test_weights_of_its_own() -> None:
    body = "t: conv 4@3x3 pad=1\nrelu\n{}"
    found = compare(net(body.format("again t")), net(body.format("conv 4@3x3 pad=1")))
    assert sorted(differing(found)) == [("changed", "t (2)", "conv2")]
    assert found.tensors.new == ("conv2.weight", "conv2.bias")


def test_long_nets_that_differ_everywhere() -> None:
    """The tables stay bounded, and single edits far from each other are found all the same."""
    widths = list(range(1, 600))
    lines = [f"conv {width}@1x1, relu" for width in widths]
    more = [f"conv {width}@1x1, relu" for width in range(2000, 2200)]
    found = compare(
        net("\n".join(lines)), net("\n".join(["tanh", *lines[:300], *more, *lines[300:-1], "tanh"]))
    )
    assert statuses(found)["added"] == 2 * 200 + 2 and statuses(found)["removed"] == 2
    half = net("\n".join(f"conv {w % 7 + 1}@1x1, relu" for w in range(800)))
    other = net("\n".join(f"conv {w % 5 + 1}@3x3 pad=1, tanh" for w in range(800)))
    check_whole(compare(half, other))


# Random edits of the zoo

SAME_SHAPE = ("relu", "relu6", "tanh", "hardswish", "silu", "gelu", "batchnorm", "dropout", "sigmoid")
ARGUMENTS = {"batchnorm": "eps=0.5", "conv": 'init="xavier"', "linear": 'init="xavier"', "dropout": "p=0.25"}


def steps(text: str) -> Iterator[syntax.Call]:
    """The layers that a text calls, joins aside."""
    for node in nodes(tree(text)):
        if isinstance(node, syntax.Step) and isinstance(node.action, syntax.Call):
            layer = language.find(node.action.name.name)
            if layer is not None and not layer.is_join and node.action.name.name != "identity":
                yield node.action


def replaced(text: str, call: syntax.Call, words: str) -> str:
    return text[: call.span.start] + words + text[call.span.end :]


def edits(text: str, chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """An edited text, what the comparison has to say, and of what layer."""
    calls = list(steps(text))
    chance.shuffle(calls)
    for call in calls[: 200 if LONG else 2]:
        yield replaced(text, call, f"{call.span.text}, softplus"), "added", "softplus"
    for call in [call for call in calls if call.name.name in SAME_SHAPE][: 200 if LONG else 2]:
        yield replaced(text, call, "identity"), "removed", call.name.name
    for call in [call for call in calls if call.name.name in ARGUMENTS][: 200 if LONG else 2]:
        name = call.name.name
        yield replaced(text, call, f"{call.span.text} {ARGUMENTS[name]}"), "changed", name


def checked(name: str, text: str) -> Checked:
    """A file of the zoo with another text, or with another text of the blocks in residual.cnn."""
    if not name.startswith("blocks/"):
        return check(Source(str(SPECS / f"{name}.cnn"), text), read_used, first=True)
    source = Source(str(SPECS / "resnet.cnn"), TEXTS["resnet.cnn"])
    return check(source, lambda path, _: Source(path, text), first=True)


@pytest.mark.parametrize("name", [*sorted(set(FILES.values())), "blocks/residual"])
def test_an_edit_is_told_as_that_edit(name: str) -> None:
    text = TEXTS[name.rpartition("/")[2] + ".cnn"]
    before = checked(name, text).networks[0]
    number = Counter(node.layer.name for node in unroll(before).nodes)
    tried = 0
    for changed, status, layer in edits(text, random.Random(name)):
        after = checked(name, changed)
        if not after.ok:
            continue  # the argument is given already, or a width is counted on
        comparison = compare(before, after.networks[0])
        check_whole(comparison)
        found = [each for each in layers(comparison.whole) if each.status in ("added", "removed", "changed")]
        assert {each.status for each in found} <= {status}
        assert {(each.before or each.after).name for each in found} <= {layer}  # type: ignore[union-attr]
        if status != "changed":
            now = Counter(node.layer.name for node in unroll(after.networks[0]).nodes)
            assert len(found) == abs(now[layer] - number[layer])
        else:
            whats = {change.what for each in found for change in each.changes}
            assert whats <= {ARGUMENTS[layer].partition("=")[0]}
        tried += bool(found)
    assert tried >= 2
