"""What is said and offered at a place. `^` marks the place in a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec import layers
from cnnspec.live.answers.before import before
from cnnspec.live.answers.complete import offers
from cnnspec.live.answers.hover import hover
from cnnspec.live.answers.outline import folds, outline
from cnnspec.live.answers.signature import signature
from cnnspec.live.session import Document, Session
from cnnspec.text.colouring import colour

SPECS = Path(__file__).parents[2] / "specs"


def opened(marked: str, name: str = "/w/net.cnn") -> tuple[Session, Document, int]:
    """A text, and where its mark stands."""
    session = Session()
    document = session.open(name, marked.replace("^", ""))
    session.refresh(name)
    return session, document, marked.index("^")


def offered(marked: str, name: str = "/w/net.cnn") -> list[str]:
    return [offer.text for offer in offers(*opened(marked, name))]


def said(marked: str) -> str:
    return hovered(*opened(marked))


def hovered(session: Session, document: Document, offset: int) -> str:
    found = hover(session, document, offset)
    return found.markdown if found is not None else ""


HEAD = "net A(width=8, act=relu) {\n    input 3@32x32\n    body: conv width@3x3 pad=1\n    "


@pytest.mark.parametrize(
    ("marked", "first", "absent"),
    [
        (HEAD + "^\n}\n", {"conv", "act", "repeat", "require", "input"}, {"net", "stride="}),
        (HEAD + "relu, ma^\n}\n", {"maxpool", "repeat"}, {"require", "channels"}),
        (HEAD + "add { | ^ | relu }\n}\n", {"conv", "identity", "none"}, {"stride="}),
        (HEAD + "x: ^\n}\n", {"conv", "repeat"}, {"stride="}),
        (HEAD + "conv 8@3x3 ^\n}\n", {"stride=", "pad=", "width"}, {"repeat", "maxpool"}),
        (HEAD + "conv 8@3x3 stride=2 ^\n}\n", {"pad="}, {"stride="}),
        (HEAD + "conv 8@3x3 pad=[1,2] ^\n}\n", {"stride="}, {"pad="}),
        (HEAD + "\nk = 2\nconv k@3x3 ^\n}\n", {"stride=", "k"}, {"repeat"}),
        (HEAD + "conv 8@3x3 pad=^\n}\n", {'"same"', "width", "in"}, {"stride="}),
        (HEAD + 'conv 8@3x3 pad="^\n}\n', {"same"}, {"conv"}),
        (HEAD + "conv 8@3x3 bias=^\n}\n", {"yes", "no"}, {"stride="}),
        (HEAD + "conv (in.^\n}\n", {"channels", "features"}, {"act"}),
        (HEAD + "wide = 2 * ^\n}\n", {"width", "max", "in"}, {"stride=", "conv"}),
        (HEAD + "from ^\n}\n", {"body"}, {"conv", "width"}),
        (HEAD + "relu  -> ^\n}\n", {"8@32x32"}, {"conv"}),
        (HEAD + "default ^\n}\n", {"conv", "batchnorm"}, {"stride="}),
        (HEAD + "default batchnorm ^\n}\n", {"eps="}, {"conv"}),
        (HEAD + "relu # ^\n}\n", set(), {"conv", "width"}),
        (HEAD + "repeat i ^\n}\n", {"in"}, {"conv"}),
        (HEAD + "relu }\n^\n", {"net", "block", "use"}, {"conv"}),
        (HEAD + "relu }\nnet B = ^\n", {"A"}, {"width="}),
        (HEAD + "relu }\nnet B = A ^\n", {"width=", "act="}, {"conv"}),
        ('use "^"\n' + HEAD + "relu }\n", {"blocks/residual.cnn"}, {"conv"}),
        ("block B(wide=3) { conv wide@1x1 }\n" + HEAD + "B ^\n}\n", {"wide="}, {"stride="}),
        ("block B(wide=3) { conv wide@1x1 }\n" + HEAD + "^", {"B", "conv"}, set()),  # not closed yet
    ],
)
def test_what_may_stand_at_a_place_is_offered(marked: str, first: set[str], absent: set[str]) -> None:
    found = offered(marked)
    assert first <= set(found)
    assert not absent & set(found)
    assert len(found) == len(set(found))


def test_files_beside_a_text_are_offered(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.cnn").write_text("")
    (tmp_path / "a.cnn").write_text("")
    name = (tmp_path / "a.cnn").as_posix()
    assert "parts/" in offered('use "^', name) and "a.cnn" not in offered('use "^', name)
    assert "parts/b.cnn" in offered('use "parts/^', name)
    assert not [path for path in offered('use "../^', name) if not path.startswith("blocks/")]


@pytest.mark.parametrize(
    ("marked", "parts"),
    [
        (
            HEAD + 'co^nv 16@5x5 stride=2 pad="same"\n}\n',
            [
                "8@32x32 → 16@16x16",
                "(32 + 1 + 2 - 5)//2 + 1 = 16",
                "| `8@32x32 → 16@16x16` | 3,216 | 819,200 | 7 | 2 |",
            ],
        ),
        (HEAD + "conv 16@5x5 strid^e=2\n}\n", ["step of the window", "default `1`", "here `2`"]),
        (HEAD.replace("width=8", "wid^th=8") + "relu\n}\n", ["parameter **width**", "here `8`"]),
        (HEAD.replace("body", "bo^dy") + "relu\n}\n", ["label **body**", "`8@32x32`"]),
        (HEAD + "a^ct\n}\n", ["here `relu`"]),
        (HEAD + "add { | re^lu | identity }\n}\n", ["8@32x32 → 8@32x32"]),
        (HEAD + "a^dd { | relu | identity }\n}\n", ["8@32x32 → 8@32x32"]),
        (
            "# A unit.\nblock B(w) { conv w@1x1 }\n" + HEAD + "^B 4\n}\n",
            ["# A unit.\nblock B(w)", "| `8@32x32 → 4@32x32` | 36 | 32,768 |"],
        ),
        (HEAD.replace("net A", "net ^A") + "relu\n}\n", ["net A(width=8, act=relu)", "224 parameters"]),
        ('use "blocks/^residual.cnn"\n' + HEAD + "relu }\n", ["residual.cnn", "`Basic`, `Bottleneck`"]),
    ],
)
def test_a_name_is_explained_in_its_place(marked: str, parts: list[str]) -> None:
    found = said(marked)
    for part in parts:
        assert part in found


def test_receptive_fields_are_those_of_the_net_in_view() -> None:
    session, document, first = opened(
        "net A { input 1@8x8, ^conv 2@3x3 }\nnet B { input 1@9x9, conv 4@5x5 }\n"
    )
    assert "| 3 | 1 |" in hovered(session, document, first)
    session.choose(document.name, "B")
    assert "| 5 | 1 |" in hovered(session, document, document.text.rindex("conv"))


def test_every_layer_of_the_reference_is_explained() -> None:
    for name in layers.NAMES:
        cls = layers.find(name)
        assert cls is not None
        text = f"net A {{\n    input {cls.example_input}\n    ^{cls.example}\n}}\n"
        found = said(text.replace("^|", "|"))
        assert f"**{name}**" in found, name


@pytest.mark.parametrize(
    ("marked", "name", "active"),
    [
        (HEAD + "conv ^\n}\n", "conv", "filter"),
        (HEAD + "conv 8^\n}\n", "conv", "filter"),
        (HEAD + "conv 8@^\n}\n", "conv", "filter"),
        (HEAD + "conv 8@3x3^\n}\n", "conv", "filter"),
        (HEAD + "conv width@k^\n}\n", "conv", "filter"),
        (HEAD + "depthwise 3x3^\n}\n", "depthwise", "kernel"),
        (HEAD + "conv 8@3x3 pad=^\n}\n", "conv", "pad"),
        (HEAD + "depthwise 3x3 ^\n}\n", "depthwise", "multiplier"),
        (HEAD + "default batchnorm eps=^\n}\n", "batchnorm", "eps"),
        ("block B(w, k=3) { conv w@k }\n" + HEAD + "B 8 ^\n}\n", "B", "k"),
        (HEAD + "relu }\nnet B = A act=^\n", "A", "act"),
    ],
)
def test_the_argument_that_is_written_is_shown(marked: str, name: str, active: str) -> None:
    _, document, offset = opened(marked)
    found = signature(document, offset)
    assert found is not None and found.name == name and found.active >= 0
    assert found.parameters[found.active].name == active


def test_behind_the_last_argument_without_a_name_none_is_written() -> None:
    for marked in ("conv 8@3x3 ^", "conv 8 @ 3x3 ^", "conv width@(1 + 2) ^", "linear 10 ^"):
        _, document, offset = opened(f"{HEAD}{marked}\n}}\n")
        found = signature(document, offset)
        assert found is not None and found.active == -1, marked


def test_no_signature_where_no_call_is() -> None:
    for marked in (HEAD + "^\n}\n", HEAD + "relu ^\n}\n", HEAD + "x = ^\n}\n", "^net A { input 1@8x8 }\n"):
        _, document, offset = opened(marked)
        assert signature(document, offset) is None


def test_the_outline_holds_nets_blocks_and_labelled_steps() -> None:
    net = "net N { input 1@9x9, part: { b: B 4 }, { c: relu } }"
    text = f"k = 3\nblock B(w) {{ a: conv w@k }}\n{net}\nnet M = N\n^"
    _, document, _ = opened(text)
    assert document.check is not None
    found = outline(document.check.module.tree)
    assert [(e.kind, e.name, e.detail) for e in found] == [
        ("constant", "k", "3"),
        ("block", "B", "(w)"),
        ("net", "N", ""),
        ("net", "M", "= N"),
    ]
    assert [(e.name, e.detail, [i.name for i in e.inner]) for e in found[2].inner] == [
        ("part", "", ["b"]),
        ("c", "relu", []),
    ]


def test_braces_and_comments_fold() -> None:
    text = (
        "# one\n# two\nnet A {\n    input 1@8x8\n    add {\n        | relu\n        | identity\n    }\n}\n^"
    )
    _, document, _ = opened(text)
    assert document.check is not None
    assert folds(document.source, document.check.module.tree) == [(1, 2, True), (3, 8, False), (5, 7, False)]


@pytest.mark.slow
def test_what_stands_before_a_place_is_known_outside_of_comments_alone() -> None:
    for path in sorted(SPECS.glob("*.cnn")):
        text = path.read_text("utf-8")
        commented = {
            offset
            for kind, start, end in colour(text)
            if kind == "comment"
            for offset in range(start + 1, end + 1)
        }
        for offset in range(0, len(text), 7):
            found = before(text, offset)
            assert (found is None) == (offset in commented), (path, offset)
            if found is not None and found.string is not None:
                assert text[:offset].endswith(f'"{found.string}')
