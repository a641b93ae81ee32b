"""The hooks for pre-commit, and the workflow in the reference: what they call does what they are for."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands.cli import main
from tests.safety.running import ROOT

NET = "net N {\n    input 1@8x8\n    conv 4@3x3, relu\n}\n"
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
REFERENCE = (ROOT / "grammars" / "README.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.cnn").write_text(NET)
    (tmp_path / "blocks.cnn").write_text("block B { relu }\n")
    return tmp_path


def hook(name: str, *files: str) -> Result:
    """What pre-commit calls: the entry of a hook, and the files that are to be committed."""
    (entry,) = re.findall(rf"^- id: {name}\n(?:  .*\n)*?  entry: (.*)$", HOOKS, re.MULTILINE)
    program, *arguments = shlex.split(entry)
    assert program == "cnnspec"
    return CliRunner().invoke(main, [*arguments, *files])


def test_the_hooks_are_those_of_the_reference() -> None:
    ids = re.findall("^- id: (.*)$", HOOKS, re.MULTILINE)
    assert sorted(re.findall("^ +- id: (.*)$", REFERENCE, re.MULTILINE)) == sorted(ids)
    (pattern,) = {*re.findall("^  files: (.*)$", HOOKS, re.MULTILINE)}
    assert re.search(pattern, "nets/a.cnn") and not re.search(pattern, "a.cnn.txt")


def test_check_fails_at_a_fault_and_not_at_blocks() -> None:
    assert hook("cnnspec-check", "net.cnn", "blocks.cnn").exit_code == 0
    assert hook("cnnspec-check", "blocks.cnn").exit_code == 0
    Path("net.cnn").write_text(NET.replace("relu", "rleu"))
    assert hook("cnnspec-check", "net.cnn", "blocks.cnn").exit_code == 1


def test_fmt_changes_what_is_not_laid_out() -> None:
    """pre-commit fails where a hook has changed a file."""
    Path("net.cnn").write_text(NET.replace(", ", ","))
    assert hook("cnnspec-fmt", "net.cnn").exit_code == 0
    assert Path("net.cnn").read_text() == NET


def test_the_workflow_tells_what_a_change_makes_of_the_nets() -> None:
    steps = REFERENCE.partition("on: pull_request\n")[2]
    script = dedent(steps.partition("- run: |\n")[2].partition("          - run: test")[0])
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "nets"]):
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        subprocess.run(["git", *identity, *arguments], check=True)
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)
    Path("net.cnn").write_text(NET.replace("4@3x3", "16@3x3"))
    program = f'cnnspec() {{ {shlex.quote(sys.executable)} -m cnnspec "$@"; }}\n'
    subprocess.run(
        ["bash", "-e", "-c", program + script],
        env={"BASE": "origin/main", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    told = Path("changes.md").read_text("utf-8")
    assert "origin/main:net.cnn" in told and "40" in told and "160" in told
