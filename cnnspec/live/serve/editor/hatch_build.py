"""Puts the editor of the page of `cnnspec serve` into the wheel: npm bundles it, where npm is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "so the page of `cnnspec serve` gets a plain text area"
LONGEST = 300  # seconds that npm may take


class EditorHook(BuildHookInterface[Any]):
    """A wheel without the editor is whole, too: whatever keeps npm from its work is but a warning."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        folder = Path(self.root, "cnnspec", "live", "serve", "editor")
        made = folder / "dist" / "editor.js"
        if not is_newest(made, folder):
            try:
                bundle(folder)
            except (OSError, subprocess.SubprocessError) as problem:
                self.app.display_warning(f"{problem}, {WITHOUT}")
                return
        build_data["artifacts"].append(made.relative_to(self.root).as_posix())


def is_newest(made: Path, folder: Path) -> bool:
    """Whether the bundle is there, and no file that it is made of was written since."""
    sources = [*folder.glob("*.js"), *folder.glob("*.json")]
    return made.is_file() and made.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def bundle(folder: Path) -> None:
    """Make the bundle. Raises OSError or SubprocessError where that cannot be done."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not there")
    subprocess.run([npm, "run", "bundle"], cwd=folder, check=True, capture_output=True, timeout=LONGEST)
