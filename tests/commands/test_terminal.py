"""What is fitted to a terminal's width: tables lose columns, paragraphs are filled."""

from __future__ import annotations

import pytest

from cnnspec.compiler import check_text
from cnnspec.faults import explain, handbook
from cnnspec.tables.plain_text import RANK
from cnnspec.tables.rows import table
from cnnspec.tables.summary import summary
from cnnspec.tables.table_columns import COLUMNS, heading

(NET,) = check_text(
    "net A { input 3@64x64, repeat i in 3 { a_name_of_some_length{i}: conv 64@3x3 pad=1, relu }, flatten }"
).networks


def columns(shown: str) -> list[str]:
    heads = {heading(key, table(NET)): key for key in COLUMNS}
    return [heads[word] for word in shown.splitlines()[1].split()]


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40, 30])
def test_the_table_fits_and_drops_by_rank(width: int) -> None:
    shown = summary(NET, width=width)
    kept = columns(shown)
    dropped = [key for key in COLUMNS if key not in kept]
    assert max(map(len, shown.splitlines())) <= width
    assert sorted(dropped, key=RANK.index) == list(RANK[: len(dropped)])
    assert ("For want of room not shown: " + ", ".join(dropped) in " ".join(shown.split())) is bool(dropped)


@pytest.mark.slow
def test_all_columns_have_room_or_are_dropped_one_by_one() -> None:
    counts = [len(columns(summary(NET, width=width))) for width in range(110, 24, -1)]
    assert counts == sorted(counts, reverse=True)
    assert {*range(2, len(COLUMNS) + 1)} == {*counts}


def test_columns_that_are_named_stay() -> None:
    assert columns(summary(NET, columns=["share", "layer", "memory"], width=20)) == [
        "share",
        "layer",
        "memory",
    ]
    assert summary(NET, columns=["layer"], width=20) == summary(NET, columns=["layer"])


@pytest.mark.parametrize("what", ["E0410", "W0601", "conv", "pad"])
def test_a_page_is_filled(what: str) -> None:
    page = handbook.page(what, 50)
    assert all(len(line) <= 50 or line.startswith("    ") for line in page.splitlines())
    assert page.split() == handbook.page(what).split()
    assert handbook.page(what, 500) == handbook.page(what, 100)


def test_examples_stay_as_they_are() -> None:
    found = explain.page("E0410")
    assert found is not None
    example = explain.render(found).partition("Wrong:\n\n")[2]
    assert explain.render(found, 30).endswith(example)


def test_the_list_of_layers_is_filled() -> None:
    assert all(len(line) <= 60 for line in handbook.contents(60).partition("Layers:")[2].splitlines())
    assert handbook.contents(60).split() == handbook.contents().split()
