"""The reference of the language is current, and every example in it is what it says."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from cnnspec import layers
from cnnspec.compiler import check
from cnnspec.faults import explain, handbook
from cnnspec.text.files import read_library
from cnnspec.text.resources import folder
from cnnspec.text.shipped import names
from cnnspec.text.source import Source
from cnnspec.values.limits import Limits, TextLimits
from tests.elaborate.rules import checked
from tests.nets import whole

REFERENCE = (folder("grammars") / "README.md").read_text("utf-8")


class Example(NamedTuple):
    """A block fenced as cnn; `wrong` is the code that it gives."""

    line: int
    wrong: str
    text: str


def examples() -> list[Example]:
    fenced = re.compile(r"^```cnn(?: wrong=(\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [
        Example(REFERENCE.count("\n", 0, found.start()) + 1, found[1] or "", found[2])
        for found in fenced.finditer(REFERENCE)
    ]


def line(example: Example) -> str:
    return f"line{example.line}"


RIGHT = [example for example in examples() if not example.wrong]
WRONG = [example for example in examples() if example.wrong]


def test_all_fences_are_examples() -> None:
    assert len(RIGHT) > 20 and len(WRONG) > 8
    python = REFERENCE.count("```python\n")  # tests/test_documents.py runs these
    assert REFERENCE.count("```") == 2 * (len(examples()) + python)
    assert all(example.wrong in explain.codes() for example in WRONG)


@pytest.mark.parametrize("example", RIGHT, ids=line)
def test_examples_check(example: Example) -> None:
    found = checked(example.text)
    assert [(fault.code, fault.message, fault.span.line) for fault in found.diagnostics] == []
    assert found.networks


@pytest.mark.parametrize("example", WRONG, ids=line)
def test_wrong_examples_are_wrong(example: Example) -> None:
    found = check(Source("test.cnn", whole(example.text)), read_library, lint=True)
    assert {fault.code for fault in found.diagnostics} == {example.wrong}


def test_the_warnings_are_listed() -> None:
    listed = re.findall(r"^\| (W\d{4}) \|", REFERENCE, re.MULTILINE)
    assert listed == [code for code in explain.codes() if code.startswith("W")]


@pytest.mark.parametrize("example", RIGHT, ids=line)
def test_examples_run(example: Example) -> None:
    """What is built computes what the flat graph says, in evaluation and in training."""
    torch = pytest.importorskip("torch")
    from tests.backends.interpreter import agree

    torch.set_num_threads(1)
    for network in checked(example.text).networks:
        agree(whole(example.text), network.name)
        agree(whole(example.text), network.name, training=True)


def test_the_generated_part_is_current() -> None:
    assert handbook.with_layers(REFERENCE) == REFERENCE, "run python -m cnnspec.faults.handbook"
    assert all(f"#### `{name}`\n" in REFERENCE for name in layers.NAMES)


def test_a_reference_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="marks"):
        handbook.with_layers(REFERENCE.replace(handbook.END, ""))


def test_limits_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| `(max_\w+)` \| (.*) \|$", REFERENCE, re.MULTILINE))
    bounds = {**Limits()._asdict(), **TextLimits()._asdict()}
    written = {2**20: "1 MiB", 2**31 - 1: "2^31 - 1", 2**40: "2^40"}
    bounds.pop("max_items", None)  # stands in words
    assert set(told) == set(bounds)
    for name, bound in bounds.items():
        assert told[name].startswith(written.get(bound, f"{bound:,}")), name


def test_the_shipped_blocks_are_listed() -> None:
    listed = re.findall(r"\(\.\./specs/(blocks/\w+)\.cnn\) \| (.*) \|", REFERENCE)
    assert [name for name, _ in listed] == [name for name in names() if name.startswith("blocks/")]
    for name, blocks in listed:
        text = (folder("specs") / f"{name}.cnn").read_text("utf-8")
        assert re.findall(r"`(\w+)`", blocks) == re.findall(r"^block (\w+)", text, re.MULTILINE)


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", REFERENCE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", REFERENCE):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif target.startswith("../specs") or not target.startswith(".."):
            assert (folder("grammars").parent / "grammars" / target).exists(), target
