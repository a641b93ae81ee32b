"""The extension for VS Code: its grammar is the table of colours, and its engine colours as we do.

What needs npm is tested where `npm ci --prefix grammars/vscode` was run before.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from runpy import run_path

import pytest

pytest.importorskip("lsprotocol")

from lsprotocol import types

import cnnspec
from cnnspec.live.lsp.server import CAPABILITIES
from cnnspec.text.colouring import BLANK, NO_PART, colour
from tests.text.parsing import ROOT, TEXTS

FOLDER = ROOT / "grammars" / "vscode"
MAKER = run_path(str(FOLDER / "make_grammar.py"))
MANIFEST = json.loads((FOLDER / "package.json").read_text("utf-8"))

needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None or not (FOLDER / "node_modules").is_dir(),
    reason="needs `npm ci --prefix grammars/vscode`",
)

ODD = (
    "x = a[i:j] + b[\n    c: d]\nlabel: relu",
    "stage{i+1}: relu, 2: relu # [ :",
    "[ never: closed\nnet A { a: relu }",
    "] a: relu",
    'net net { block: relu, use = 3 }\nuse "x" # é ü',
)


def test_the_grammar_is_made_of_the_table() -> None:
    assert (FOLDER / "cnn.tmLanguage.json").read_text("utf-8") == MAKER["text"]()


def test_the_extension_is_of_this_version_and_knows_what_the_server_says() -> None:
    assert MANIFEST["version"] == cnnspec.__version__
    legend = set(CAPABILITIES["semanticTokensProvider"]["legend"]["tokenTypes"])
    scopes = MANIFEST["contributes"]["semanticTokenScopes"][0]["scopes"]
    assert legend - {each.value for each in types.SemanticTokenTypes} <= scopes.keys() <= legend
    assert {scope for each in scopes.values() for scope in each} <= {*map(MAKER["scope"], MAKER["SCOPES"])}


def test_dependencies_are_locked_and_free() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    packages = {path: each for path, each in lock["packages"].items() if path}
    for version in MANIFEST["devDependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert all("resolved" not in each and each.get("license") for each in packages.values())
    bundled, waiting = {}, ["vscode-languageclient"]
    while waiting:
        name = waiting.pop()
        nested = f"node_modules/vscode-languageclient/node_modules/{name}"
        package = packages.get(nested) or packages[f"node_modules/{name}"]
        bundled[name] = package["license"]
        waiting += [each for each in package.get("dependencies", ()) if each not in bundled]
    assert set(bundled.values()) <= {"MIT", "ISC"}, bundled


def coloured(text: str) -> list[list[object]]:
    """The kinds of a text as the grammar's scopes, blanks and what has none left out, by line and column."""
    found: list[list[object]] = []
    for kind, start, end in colour(text):
        if kind not in (BLANK, NO_PART):
            line = text.count("\n", 0, start)
            column = start - (text.rfind("\n", 0, start) + 1)
            found += [[line, column + i, MAKER["scope"](kind)] for i in range(end - start)]
    return found


@pytest.mark.slow
@needs_npm
def test_the_engine_of_vs_code_colours_as_the_table_says() -> None:
    texts = [*TEXTS.values(), *ODD]
    ran = subprocess.run(
        ["node", "test/scopes.mjs"],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=FOLDER,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    for text, tokens in zip(texts, json.loads(ran.stdout), strict=True):
        lines = text.split("\n")
        single = [
            [line, column, scope]
            for line, start, end, scope in tokens
            if scope != "source.cnn"
            for column in range(start, min(end, len(lines[line])))
        ]
        assert single == coloured(text), text


@pytest.mark.slow
@needs_npm
def test_the_extension_is_packed(tmp_path: Path) -> None:
    for each in FOLDER.iterdir():
        if each.name not in ("dist", "node_modules"):
            (shutil.copytree if each.is_dir() else shutil.copy)(each, tmp_path / each.name)
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    ran = subprocess.run(
        ["npm", "run", "package"], capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    with zipfile.ZipFile(tmp_path / "cnnspec.vsix") as packed:
        names = {name for name in packed.namelist() if name.startswith("extension/")}
    assert names == {
        "extension/cnn.tmLanguage.json",
        "extension/dist/extension.js",
        "extension/language-configuration.json",
        "extension/package.json",
    }


def hosted(text: str, *command: str) -> subprocess.CompletedProcess[str]:
    """The extension, activated with a text open; `command` starts the server."""
    call = ["node", "test/host.mjs", *command]
    return subprocess.run(
        call, input=text, capture_output=True, text=True, encoding="utf-8", cwd=FOLDER, timeout=120
    )


@pytest.mark.slow
@needs_npm
def test_the_extension_starts_the_server_and_shows_what_it_finds() -> None:
    ran = hosted("net N {\n    input 1@8x8\n    rleu\n}\n", sys.executable, "-m", "cnnspec", "lsp")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("\n") == 1 and "Server process exited with code 0" in ran.stderr
    found = json.loads(ran.stdout)
    assert found["uri"] == "file:///net.cnn" and found["places"] == [["E0201", 2, 4, 8]]
    assert found["commands"] == ["cnnspec.restart", "cnnspec.view"]


@pytest.mark.slow
@needs_npm
def test_the_extension_says_that_there_is_no_server() -> None:
    ran = hosted("net N {}", "no-such-program")
    assert ran.returncode == 1
    assert "`no-such-program` does not start: `pip install cnnspec`, or say where it is" in ran.stderr
