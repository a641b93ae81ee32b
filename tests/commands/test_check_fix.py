"""`cnnspec check --fix`: which fixes are made, until when, and what becomes of the bytes around them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cnnspec.api import check_source
from cnnspec.compiler import Checked
from cnnspec.elaborate.settings import Settings
from cnnspec.faults.fixes.mend import Mended, mend
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from tests.commands.calling import run as call

ROOT = Path(__file__).parents[1]
WRONG = """net LeNet(classes=10) {
    input 1@28x28
    conv 6@5x5 pading=2, tanhh, avgpool 2x2
    conv 16@5×5, tanh, avgpol 2x2
    flatten, linear 120 in=401, tanh
    linear clases
}
"""
SAFE = (
    WRONG.replace("pading", "pad")
    .replace("hh", "h")
    .replace("×", "x")
    .replace("gpol", "gpool")
    .replace("clases", "classes")
)
UNSAFE = SAFE.replace(" in=401", "")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text(WRONG, "utf-8")
    return tmp_path


run = partial(call, "check")


def checked(text: str, skip: int = 0) -> Checked:
    return check_source(Source("x.cnn", text), read_library, None, Settings(), lint=True, skip=skip)


def mended(text: str, unsafe: bool = False) -> Mended:
    return mend(text, checked, unsafe)


def test_slips_are_mended_and_what_is_left_is_reported() -> None:
    result = run("--fix", "net.cnn")
    assert Path("net.cnn").read_text("utf-8") == SAFE
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith(
        "fixed net.cnn:3:16: E0301: `pading` to `pad`\nfixed net.cnn:3:23: E0201: `tanhh` to `tanh`\n"
    )
    assert "error[E0410]" in result.stderr and "E0201: `avgpol` to `avgpool`\n" in result.stderr
    assert result.stderr.endswith("cnnspec: --unsafe would fix 1 more\n")
    result = run("--fix", "--unsafe", "net.cnn")
    assert Path("net.cnn").read_text("utf-8") == UNSAFE
    assert result.exit_code == 0 and result.stdout.startswith("net.cnn: LeNet ok, ")
    assert result.stderr == "fixed net.cnn:5:25: E0410: `in=401` dropped\n"
    assert run("--fix", "net.cnn").stderr == ""


def test_a_diff_changes_nothing() -> None:
    result = run("--diff", "net.cnn")
    assert result.exit_code == 1 and Path("net.cnn").read_text("utf-8") == WRONG
    assert (
        "-    linear clases\n+    linear classes\n" in result.stdout and "-    flatten" not in result.stdout
    )
    assert "-    flatten, linear 120 in=401, tanh\n" in run("--diff", "--unsafe", "net.cnn").stdout
    Path("net.cnn").write_text(UNSAFE)
    result = run("--diff", "net.cnn")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_standard_input_goes_to_standard_output() -> None:
    result = run("--fix", "-", stdin=WRONG.encode())
    assert result.stdout == SAFE and result.exit_code == 1
    result = run("--fix", "-", stdin=UNSAFE.encode())
    assert (result.stdout, result.stderr, result.exit_code) == (UNSAFE, "", 0)


@pytest.mark.parametrize(
    ("mark", "newline"), [(b"", b"\n"), (b"", b"\r\n"), (b"", b"\r"), (b"\xef\xbb\xbf", b"\r\n")]
)
def test_bytes_around_a_fix_stay(mark: bytes, newline: bytes) -> None:
    Path("net.cnn").write_bytes(mark + WRONG.encode().replace(b"\n", newline))
    run("--fix", "net.cnn")
    assert Path("net.cnn").read_bytes() == mark + SAFE.encode().replace(b"\n", newline)


def test_what_has_no_fix_is_not_written() -> None:
    mixed = UNSAFE.encode().replace(b"\n", b"\r\n", 2)
    Path("net.cnn").write_bytes(mixed)
    Path("odd.cnn").write_bytes(b"net \xff\n")
    result = run("--fix", ".")
    assert result.exit_code == 1 and "is not UTF-8" in result.stderr
    assert Path("net.cnn").read_bytes() == mixed and Path("odd.cnn").read_bytes() == b"net \xff\n"


def test_a_link_is_not_written_through() -> None:
    Path("link.cnn").symlink_to("net.cnn")
    result = run("--fix", "link.cnn")
    assert result.exit_code == 2 and "is a link" in result.stderr
    assert Path("net.cnn").read_text("utf-8") == WRONG


def test_unsafe_alone_is_a_wrong_call() -> None:
    assert run("--unsafe", "net.cnn").exit_code == 2


@pytest.mark.parametrize(
    "step",
    [
        "conv 8@3x3, from skip2",  # another number is another thing
        "conv 8@3x3, batchnorm",  # saved weights have the bias
        "conv 8@3x3 -> 8@9x9",
        "flatten, linear 10 in=9",
        "conv 8@3x3 pad=1 pad=0",
    ],
)
def test_what_may_be_meant_otherwise_is_not_safe(step: str) -> None:
    text = f"net N {{ input 1@8x8, skip1: identity, {step}, relu }}\n"
    made = mended(text)
    assert made.found.diagnostics and made.text == text


def test_all_faults_are_mended_however_many() -> None:
    """Fixes are sought of ten faults at a time, and here the first ten have none that is safe."""
    steps = "".join("    conv 4@1x1 in=9, relu\n" for _ in range(12)) + "    rleu, tahn\n" * 8
    text = "net N {\n    input 4@8x8\n" + steps + "}\n"
    made = mended(text)
    assert made.text == text.replace("rleu, tahn", "relu, tanh")
    assert len(made.made) == 16


def test_fixes_that_overlap_are_made_in_rounds() -> None:
    text = "net N { input 1@8x8, conv 4@3x3, rleu  # allow W0503, W0504\n}\n"
    made = mended(text)
    assert made.text == "net N { input 1@8x8, conv 4@3x3, relu\n}\n"
    assert made.found.diagnostics == ()


@pytest.mark.slow
@pytest.mark.parametrize("unsafe", [False, True])
def test_mending_ends_and_leaves_no_more_errors(unsafe: bool) -> None:
    """All mistakes of the collection, one after the other; a fix may bring to light what a fault hid."""
    for path in sorted((ROOT / "errors").glob("*.cnn"))[::3]:
        text = path.read_text("utf-8")
        once = mended(text, unsafe)
        assert mended(once.text, unsafe).text == once.text, path.name
        assert unsafe or all(made.fix.safe for made in once.made)
        wrong = [sum(d.severity == "error" for d in each.diagnostics) for each in (checked(text), once.found)]
        assert wrong[1] <= wrong[0], path.name
