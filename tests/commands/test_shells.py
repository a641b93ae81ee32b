"""What shells and `man` are given: words to complete, and a manual page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import COMMANDS, main
from cnnspec.commands.man import escape


@pytest.mark.parametrize(
    ("line", "there", "absent"),
    [
        ("cnnspec ch", ["check"], ["draw"]),
        ("cnnspec check --di", ["--diff"], ["--fix"]),
        ("cnnspec draw --theme d", ["dark"], ["light"]),
        ("cnnspec summary ResNet1", ["ResNet18", "ResNet101"], ["ResNet50"]),
        ("cnnspec explain W060", ["W0601"], ["W0501"]),
        ("cnnspec explain maxp", ["maxpool"], []),
        ("cnnspec zoo resn", ["resnet"], ["ResNet18"]),
        ("cnnspec nonsense x", [], ["check"]),
    ],
)
def test_words_are_completed(line: str, there: list[str], absent: list[str]) -> None:
    env = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_CNNSPEC_COMPLETE": "bash_complete"}
    done = CliRunner().invoke(main, [], env=env, prog_name="cnnspec")
    words = [answer.partition(",")[2] for answer in done.stdout.splitlines()]
    assert set(there) <= set(words) and not set(absent) & set(words)
    if "summary" in line:
        assert done.stdout.startswith("file,")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_asks_for_them(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell]).stdout
    assert f"_CNNSPEC_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_the_page_names_every_option() -> None:
    page = CliRunner().invoke(main, ["man"]).stdout
    assert page.isascii() and page.startswith('.TH CNNSPEC 1 "" "cnnspec ')
    plain = page.replace("\\-", "-")
    context = main.make_context("cnnspec", [], resilient_parsing=True)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert f".SS\ncnnspec {name}" in plain
        for option in getattr(command, "params", ()):
            if isinstance(option, click.Option):
                assert option.opts[-1] in plain, option.opts
    asked = {line[:3] for line in page.splitlines() if line.startswith((".", "'"))}
    assert asked == {".TH", ".SH", ".SS", ".TP", ".PP", ".B "}


def test_no_text_is_a_request_of_roff() -> None:
    assert escape(".so x\\n-…") == "\\&.so x\\en\\-\\[u2026]"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_roff_takes_the_page(tmp_path: Path) -> None:
    page = CliRunner().invoke(main, ["man"]).stdout
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"], input=page, text=True, capture_output=True, check=True
    )
    assert done.stderr == "" and re.search(r"cnnspec.* check", done.stdout)
