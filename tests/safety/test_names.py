"""Names of files and labels reach terminals, pages and tables only escaped (promise 5)."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main

TEXTS = {
    "fine": "net N {\n    input 3@8x8\n    relu\n}\n",
    "wrong": "net N {\n    input 3@8x8\n    rleu\n}\n",
}
NAMES = {
    "escape": b"\x1b[31m.cnn",
    "newline": b"a\nN ok.cnn",
    "bidi": "\u202ea.cnn".encode(),
    "no_utf8": b"\xff.cnn",
}
CALLS = [
    *(f"check --format {style}" for style in ("text", "concise", "json", "sarif", "github")),
    *(f"summary --format {style}" for style in ("text", "json", "markdown", "latex", "csv")),
    *(f"diff other.cnn --format {style}" for style in ("text", "json", "markdown")),
    *(f"draw -o out.{suffix} --force" for suffix in ("svg", "html", "dot")),
    *("sizes", "build", "build --backend numpy", "fmt --check", "fmt --diff"),
]


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", CALLS)
def test_a_file_may_have_any_name(
    call: str, name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(NAMES[name])
    try:
        Path(path).write_text(TEXTS[text])
    except OSError:
        pytest.skip("this file system has no such names")
    Path("other.cnn").write_text(TEXTS["fine"])
    result = CliRunner().invoke(main, [*call.split(), path])
    assert result.exit_code in (0, 1), result.stderr
    written = [file.read_bytes() for file in tmp_path.glob("out.*")]
    for shown in (result.stdout_bytes, result.stderr_bytes, *written):
        assert b"\x1b" not in shown and "\u202e".encode() not in shown
    if name == "newline":
        assert not [line for line in result.output.splitlines() if line.startswith("N ok")]


@pytest.mark.parametrize("call", ["build", "draw"])
def test_what_is_written_is_named_escaped(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text(TEXTS["fine"])
    result = CliRunner().invoke(main, [call, "net.cnn", "-o", "\x1b[31m\n.svg"])
    assert (result.exit_code, result.stderr) == (0, "wrote \\x1b[31m\\x0a.svg\n")


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    labels = ("=cmd|x", "@SUM(1)", "+1", "-1+1", "plain")
    steps = "\n".join(f'    "{label}": relu' for label in labels)
    path = tmp_path / "net.cnn"
    path.write_text(f"net N {{\n    input 3@8x8\n{steps}\n}}\n")
    shown = CliRunner().invoke(main, ["summary", str(path), "--format", "csv"]).stdout
    cells = [row["path"] for row in csv.DictReader(io.StringIO(shown))]
    assert cells == [label if label == "plain" else f"'{label}" for label in labels]
