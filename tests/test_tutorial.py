"""The tutorial, followed as a newcomer would: files, commands and what they say, sums, pictures.

`CNNSPEC_UPDATE=1 python -m pytest tests/test_tutorial.py` writes what commands say and draw now; read what
`git diff` shows. Where the page has `…`, anything may stand.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from tests.safety.running import ROOT

pytest.importorskip("torch")
pytest.importorskip("sklearn")
image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.slow

PAGE = ROOT / "grammars" / "tutorial.md"
FIGURES = ROOT / "specs" / "figures" / "tutorial"
BLOCK = re.compile(r"^```(cnn|csv|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UPDATE = "CNNSPEC_UPDATE" in os.environ


class Said(NamedTuple):
    """A command of the page, what stands under it, and what it says."""

    command: str
    expected: str
    found: str

    @property
    def as_expected(self) -> bool:
        return re.fullmatch(re.escape(self.expected).replace("…", ".*"), self.found) is not None


def text_of(kind: str) -> list[tuple[str, str]]:
    """The blocks of a kind, each behind the name of the file that the text before it names last."""
    page = PAGE.read_text("utf-8")
    found = []
    for block in BLOCK.finditer(page):
        names = re.findall(r"`(\w+\.(?:cnn|csv))`", page[: block.start()])
        if block[1] == kind:
            found.append((names[-1] if names else "", block[2]))
    return found


def commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def say(command: str) -> str:
    """What a command prints, on both streams."""
    program, *arguments = shlex.split(command)
    if program == "python":
        _, code = arguments
        exec(code, {})  # a process of its own would import scikit-learn for seconds
        return ""
    assert program == "cnnspec"
    return CliRunner().invoke(main, arguments).output


def follow(folder: Path) -> list[Said]:
    """Type all files into the working folder and give all commands."""
    for kind in ("cnn", "csv"):
        for name, text in text_of(kind):
            (folder / name).write_text(text)
    given = [each for _, block in text_of("console") for each in commands(block)]
    said = [Said(command, expected, say(command)) for command, expected in given]
    if UPDATE:
        page = PAGE.read_text("utf-8")
        for each in said:
            if not each.as_expected:
                old = f"$ {each.command}\n{each.expected}"
                assert page.count(old) == 1
                page = page.replace(old, f"$ {each.command}\n{each.found}")
        PAGE.write_text(page, "utf-8")
    return said


def test_the_commands_say_and_draw_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = follow(tmp_path)
    assert len(said) > 15
    for each in said:
        assert each.as_expected or UPDATE, f"$ {each.command}\n{each.found}"
    compare_pictures(tmp_path)
    with_skips, without = (last_accuracy(tmp_path / "runs" / name) for name in ("with", "without"))
    assert with_skips > 0.7 and without < 0.5, "a long chain learns by its skips"


def last_accuracy(run: Path) -> float:
    """In validation."""
    *_, row = csv.DictReader((run / "log.csv").read_text().splitlines())
    return float(row["val_accuracy"])


def test_the_files_are_those_that_ship() -> None:
    files = dict(text_of("cnn"))
    shipped = {path.name: path.read_text("utf-8") for path in (ROOT / "specs" / "tutorial").glob("*.cnn")}
    assert {name: files[name] for name in shipped} == shipped


def test_the_sums_come_out() -> None:
    sums = re.findall(r"^    ([-\d(].*) = (\d+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(sums) > 8
    for sum_, result in sums:
        assert eval(sum_, {"__builtins__": {}}) == int(result), sum_


def compare_pictures(folder: Path) -> None:
    """Each picture with the file that its caption names.

    Drawings have the same words, sheets of images the same size: engines and weights differ a little.
    """
    shown = re.findall(r"\(\.\./specs/figures/tutorial/(.+)\)\n\n\*`(.+?)`", PAGE.read_text("utf-8"))
    for name, source in shown:
        made = folder / source
        if UPDATE:
            shutil.copy(made, FIGURES / name)
        if name.endswith(".svg"):
            assert words_of(made) == words_of(FIGURES / name) != []
        else:
            assert image.open(made).size == image.open(FIGURES / name).size
    assert sorted(name for name, _ in shown) == sorted(path.name for path in FIGURES.iterdir())


def words_of(drawing: Path) -> list[str]:
    return re.findall(r">([^<>]+)</text>", drawing.read_text("utf-8"))


def test_the_words_that_the_page_asks_for_are_explained() -> None:
    for word in re.findall(r"`cnnspec explain ([\w ]+)`", PAGE.read_text("utf-8")):
        assert CliRunner().invoke(main, ["explain", *word.split()]).exit_code == 0
