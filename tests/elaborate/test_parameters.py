"""What the command line and variants change, and which parameters stay open in what is built."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.compiler import check, nothing
from cnnspec.elaborate.load import DEEPEST_VARIANT, Loader
from cnnspec.elaborate.settings import Settings
from cnnspec.text.source import Source
from cnnspec.values.shapes import Shape
from tests.elaborate.rules import checked, fixed, outcome

CLAIMS = "net A(c=3) {\n input c@8x8\n relu -> 3@8x8\n require in.height == 8\n}\n"


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        (CLAIMS, Settings(), "3@8x8"),
        (CLAIMS, Settings({"c": 4}), "N0801 3@8x8"),
        (CLAIMS, Settings({}, {"": Shape(4, 8, 8)}), "N0801 3@8x8"),
        (CLAIMS, Settings({}, {"input": Shape(3, 9, 9)}), "N0801 3@8x8; E0407 in.height == 8"),
        (CLAIMS.replace("-> 3@", "-> c@"), Settings({"c": 4}), "4@8x8"),
        (CLAIMS + "net B = A c=4", Settings(), "N0801 3@8x8"),
        (CLAIMS.replace("c=3", "c") + "net B = A c=4", Settings(), "E0403 3@8x8"),
        (CLAIMS.replace("c=3", "c") + "net B = A c=3", Settings(), "3@8x8"),
        (CLAIMS.replace("c=3", "c, d=1") + "net B = A c=4\nnet C = B d=2", Settings(), "E0403 3@8x8"),
        (CLAIMS.replace("c=3", "c") + "net B = A c=3", Settings({"c": 4}), "N0801 3@8x8"),
        (
            CLAIMS.replace("c=3", "c, d=1") + "net B = A c=3\nnet C = B c=4 d=2",
            Settings(),
            "N0801 3@8x8",
        ),
        (CLAIMS.replace("3@8x8", "3@8x9") + "net B = A", Settings(), "E0403 3@8x9"),
        (CLAIMS, Settings({"c": "x"}), "E0303 c"),
    ],
)
def test_settings_and_claims(text: str, settings: Settings, expected: str) -> None:
    assert outcome(text, None, settings) == expected


@pytest.mark.parametrize(
    ("net", "settings", "names"),
    [
        (None, {}, ["A", "B", "D"]),
        ("B", {}, ["B"]),
        ("C", {"z": 4}, ["C"]),
        (None, {"c": 4}, ["A"]),
    ],
)
def test_which_nets_are_checked(net: str | None, settings: dict[str, Any], names: list[str]) -> None:
    text = "net A(c=3) { input c@8x8 }\nnet B = A c=2\nnet C(z) { input z@8x8 }\nnet D = C z=3"
    assert [network.name for network in checked(text, net, Settings(settings)).networks] == names


# `p` reaches nothing but widths.
OPEN = [
    "conv p@1x1 -> p@32x32",
    "conv (2 * p)@1x1 -> (p + p)@32x32",
    "conv p@1x1\nconv (in.channels // 2 + 1)@1x1",
    "repeat w in [p, 2 * p] { conv w@1x1 }",
    "repeat w in [p * x for x in [1, 2]] { conv w@1x1 }",
    "concat for w in [p, 3] { | conv w@1x1 }",
    "conv p@1x1\nadd { | identity | conv p@1x1 }",
    "conv p@1x1\nconcat { | identity | conv 2@1x1 }",
    "conv p@1x1\nconv (2 * p)@1x1 groups=p",
    "conv p@1x1\ndepthwise 3x3",
    "conv p@1x1\nflatten -> (p * 32 * 32)\nlinear in.features",
    "conv p@1x1\nconv 3@1x1 in=p",
    "conv p@1x1\nflatten, linear 3 in=(p * 1024)",
    "f = p@3x3\nconv f",
    "conv sum([p, 8])@1x1",
    "W p",
    "F p@3x3",
    "conv p@1x1\nI",
    "conv p@1x1\na: conv in.channels@1x1\nagain a",
]
# `p` reaches a repeat, a condition, an assertion, a spatial size, an index, a comparison, a label.
SETTLED = [
    "repeat p { relu }",
    "repeat i in p { relu }",
    "concat for i in p { | relu }",
    "list = [i for i in p]",
    "if p > 1 { relu }",
    "if p { relu }",
    "odd = not p",
    "both = p and yes",
    "conv (4 if p == 2 else 3)@1x1",
    "same = [[p]] == [[2]]",
    "same = (p@3x3) == (2@3x3)",
    "conv p@1x1 -> 2@32x32",
    "relu -> 3@(16 * p)",
    "require p == 2",
    "conv p@1x1\nrequire in.channels == 2",
    "conv p@1x1\nflatten -> 2048",
    "conv 3@p",
    "conv 3@3x3 pad=[p, 0, 0, 0]",
    "size = [p, 1]\nmaxpool size",
    "upsample p",
    "list = [3, 4, 5]\nconv list[p]@1x1",
    "list = [3, 4, 5]\nconv sum(list[:p])@1x1",
    "step{p}: relu",
    "a2: relu\nfrom a{p}",
    "half = p / 2",
    "conv min(p, 8)@1x1",
    "conv divisible(p, 8)@1x1",
    "conv p@1x1\nadd { | identity | conv 2@1x1 }",
    "conv p@1x1\nconv 3@1x1 in=2",
    "conv p@1x1\nslice 0 2",
    "conv p@1x1\npick [0, 1]",
    "conv p@1x1 biases=[1, 2]",
    "conv p@1x1 weights=[[[1]], [[2]]]",
    "conv p@1x1\nnormalize mean=[1, 2] std=[1, 2]",
    "default conv pad=p\nconv 3@3x3",
    "default linear units=p\nflatten, linear",
    "default W w=p\nW",
    "dropout (0.1 * p)",
    "conv 4@1x1, conv 4@1x1 groups=p",
    "P p",
    "P w=(2 * p)",
    "L [p, 1]",
    "conv p@1x1\nR",
    "conv p@1x1\na: conv p@1x1\nconv 2@1x1\nagain a",
    "conv p@1x1\na: I\nconv 2@1x1\nagain a",
]
BLOCKS = """
block W(w) { conv w@1x1 }
block F(f) { conv f }
block I { conv in.channels@1x1 }
block P(w) { conv 3@1x1 pad=w }
block L(list) { conv list[0]@1x1 }
block R { Q }
block Q { require in.channels == 2 }
"""


@pytest.mark.parametrize(
    ("body", "expected"), [(body, "") for body in OPEN] + [(body, "p") for body in SETTLED]
)
def test_which_parameters_stay_open(body: str, expected: str) -> None:
    assert fixed(f"{BLOCKS}net N(p=2) {{\n input 3@32x32\n{body}\n}}\n") == expected


def test_a_default_that_is_computed_settles_what_it_is_computed_from() -> None:
    assert fixed("net N(k=2, c=3*k) { input 3@8x8\n conv k@1x1\n conv c@1x1 }") == "k"
    assert fixed("net N(k=2, c=6) { input 3@8x8\n conv k@1x1\n conv c@1x1 }") == ""


def test_variants_are_followed_as_far_as_they_may_go_and_no_further() -> None:
    """Else a text of n of them, each of the one before, would cost n² steps."""
    text = "net N0(n=2) { input 3@8x8, conv n@1x1 }\n" + "".join(
        f"net N{i} = N{i - 1} n={i}\n" for i in range(1, 200)
    )
    module = Loader(nothing).load(Source("n.cnn", text))
    assert len(module.lineage("N199")) == DEEPEST_VARIANT + 1
    found = check(Source("n.cnn", text))
    assert len(found.networks) == DEEPEST_VARIANT
    assert {fault.code for fault in found.diagnostics} == {"E0307"}
