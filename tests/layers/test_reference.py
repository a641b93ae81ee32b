"""The reference of the layers, and its examples."""

from __future__ import annotations

import pytest

from cnnspec.compiler import check_text
from cnnspec.faults.reference import KINDS, TITLES, layer_page, layers_reference
from cnnspec.layers import FAMILIES, NAMES, find

pytestmark = pytest.mark.slow


def test_every_layer_and_argument_is_in_it() -> None:
    text = layers_reference()
    entries = {part.partition("`")[0]: part for part in text.split("\n#### `")[1:]}
    assert list(entries) == list(NAMES)
    for name, entry in entries.items():
        cls = find(name)
        assert cls is not None
        rows = [line.split("`")[1] for line in entry.splitlines() if line.startswith("| `")]
        assert rows[: len(cls.arguments)] == list(cls.arguments)
        assert f"\n    {cls.example}\n" in entry
        assert cls.torch_class in entry
    assert list(TITLES) == list(FAMILIES)


def test_a_row() -> None:
    text = layers_reference()
    assert "| `window` (first) | size ≥ 1 |  | height and width of the window |" in text
    assert "| `p` (first) | float, 0 to 1 | `0.5` | probability to be dropped |" in text
    assert '| `mode` | `"units"`, `"channels"` | `"units"` | what is dropped as a whole |' in text
    assert "| `eps` | float ≥ 0 | `1e-5` | added to the variance |" in text


def test_markdowns_own_signs_are_escaped() -> None:
    text = layers_reference()
    assert "window j of an axis is j\\*n//o" in text
    assert "| `abs` | \\|x\\| |" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_terminal(name: str) -> None:
    page = layer_page(name)
    assert page.startswith(f"{name}\n\n")
    assert max(map(len, page.splitlines())) <= 100
    cls = find(name)
    assert cls is not None
    for argument in cls.arguments:
        assert f"\n  {argument} " in page
    assert cls.example in page


def test_there_is_no_page_of_no_layer() -> None:
    with pytest.raises(KeyError):
        layer_page("conv2d")


def test_every_kind_is_explained() -> None:
    classes = [cls for name in NAMES if (cls := find(name))]
    assert {argument.kind for cls in classes for argument in cls.arguments.values()} == KINDS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_examples_check(name: str) -> None:
    cls = find(name)
    assert cls is not None
    checked = check_text(f"net Example {{\n    input {cls.example_input}\n    {cls.example}\n}}\n")
    assert [d.message for d in checked.diagnostics] == []
    assert len(checked.networks) == 1
