"""The editor that npm makes for the page of `serve`: what it is made of, and how it comes into the wheel."""

from __future__ import annotations

import json
import runpy
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnspec.live.serve import page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "cnnspec" / "live" / "serve" / "editor"
MOST = 600_000  # bytes of the bundle

made = pytest.mark.skipif(not page.BUNDLE.is_file(), reason="needs npm where cnnspec is installed")


def test_the_manifest_and_its_lock_name_exact_versions_under_one_licence() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text("utf-8"))
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]
    for name, version in (manifest["dependencies"] | manifest["devDependencies"]).items():
        assert lock[f"node_modules/{name}"]["version"] == version
    others = [each for name, each in lock.items() if name]
    assert {each["license"] for each in others} == {"MIT"}
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in others)


@made
def test_the_bundle_is_small_and_bears_the_licences_of_all_that_is_in_it() -> None:
    text = page.BUNDLE.read_text("utf-8")
    assert len(text.encode()) < MOST and "</script" not in text
    head = text[2 : text.index("*/")]
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]
    for name in ("@codemirror/view", "@lezer/highlight", "style-mod"):
        assert f"{name} {lock[f'node_modules/{name}']['version']}\n" in head
    assert head.count("Permission is hereby granted") == head.count("Copyright (C)") > 1


@pytest.mark.slow
@made
def test_the_wheel_holds_the_editor_and_nothing_that_it_was_made_of(tmp_path: Path) -> None:
    wheel = pytest.importorskip("hatchling.builders.wheel")
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(built).namelist()
    within = "cnnspec/live/serve/editor/"
    assert [name for name in names if name.startswith(within)] == [f"{within}dist/editor.js"]
    assert not [
        name for name in names if "node_modules" in name or name.startswith("cnnspec/grammars/vscode")
    ]


def test_without_npm_the_build_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hatchling")
    folder = tmp_path / FOLDER.relative_to(ROOT)
    folder.mkdir(parents=True)
    (folder / "editor.js").write_text("")
    monkeypatch.setenv("PATH", "")
    warnings: list[str] = []
    hook = runpy.run_path(str(FOLDER / "hatch_build.py"))["EditorHook"](
        str(tmp_path), {}, None, None, "", "wheel", SimpleNamespace(display_warning=warnings.append)
    )
    data: dict[str, list[str]] = {"artifacts": []}
    hook.initialize("standard", data)
    assert warnings == ["npm is not there, so the page of `cnnspec serve` gets a plain text area"]
    assert data == {"artifacts": []}

    (folder / "dist").mkdir()
    (folder / "dist" / "editor.js").write_text("")
    hook.initialize("standard", data)
    assert len(warnings) == 1 and data == {"artifacts": ["cnnspec/live/serve/editor/dist/editor.js"]}
