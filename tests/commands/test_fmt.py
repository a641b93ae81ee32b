"""`cnnspec fmt`: what it writes, names and leaves alone, and its exit codes."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from tests.commands.calling import run as call

UGLY = b"net N {\n  input 3@8x8\n  conv 8@3x3,relu # caf\xc3\xa9\n}\n"
LAID = "net N {\n    input 3@8x8\n    conv 8@3x3, relu                # café\n}\n".encode()
WRONG = b"net N {\n  input 3@8x8\n  conv 2 * 4@3x3\n}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


run = partial(call, "fmt")


def files(**contents: bytes) -> list[str]:
    for name, content in contents.items():
        Path(f"{name}.cnn").write_bytes(content)
    return [f"{name}.cnn" for name in contents]


def test_files_are_laid_out_in_place() -> None:
    names = files(ugly=UGLY, laid=LAID)
    result = run(*names)
    assert (result.stdout, result.stderr, result.exit_code) == ("", "formatted ugly.cnn\n", 0)
    assert [Path(name).read_bytes() for name in names] == [LAID, LAID]
    assert run(*names).stderr == ""
    assert sorted(path.name for path in Path().iterdir()) == sorted(names)


def test_the_file_may_be_left_out_where_there_is_one() -> None:
    files(ugly=UGLY)
    assert run().exit_code == 0
    assert Path("ugly.cnn").read_bytes() == LAID
    files(other=UGLY)
    assert run().exit_code == 2


def test_a_file_that_is_laid_out_is_not_written() -> None:
    files(laid=LAID)
    os.utime("laid.cnn", (1, 1))
    run("laid.cnn")
    assert Path("laid.cnn").stat().st_mtime == 1


def test_standard_input_goes_to_standard_output() -> None:
    for given in (UGLY, LAID):
        result = run("-", stdin=given)
        assert (result.stdout_bytes, result.stderr, result.exit_code) == (LAID, "", 0)
    assert run("-", stdin=b"").stdout_bytes == b""


def test_check_names_files_and_changes_none() -> None:
    names = files(ugly=UGLY, laid=LAID)
    result = run("--check", *names)
    assert (result.stdout, result.stderr, result.exit_code) == ("ugly.cnn: not formatted\n", "", 1)
    assert Path("ugly.cnn").read_bytes() == UGLY
    result = run("--check", "laid.cnn")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    result = run("--check", "-", stdin=UGLY)
    assert (result.stdout, result.exit_code) == ("<stdin>: not formatted\n", 1)


def test_diff_shows_what_would_change() -> None:
    names = files(ugly=UGLY, laid=LAID)
    result = run("--diff", *names)
    assert result.stdout == (
        "--- ugly.cnn\n+++ ugly.cnn\n@@ -1,4 +1,4 @@\n net N {\n"
        "-  input 3@8x8\n-  conv 8@3x3,relu # café\n"
        "+    input 3@8x8\n+    conv 8@3x3, relu                # café\n }\n"
    )
    assert result.exit_code == 1
    assert Path("ugly.cnn").read_bytes() == UGLY
    assert run("--diff", "laid.cnn").exit_code == 0


def test_a_diff_tells_of_a_missing_newline() -> None:
    files(open=LAID[:-1])
    assert run("--diff", "open.cnn").stdout.endswith("-}\n\\ No newline at end of file\n+}\n")


def test_a_file_with_faults_is_left_alone_and_the_others_are_not() -> None:
    names = files(wrong=WRONG, ugly=UGLY)
    result = run(*names)
    assert result.exit_code == 1
    assert result.stderr.startswith("formatted ugly.cnn\nerror[E0101]")
    assert "wrong.cnn:3:10" in result.stderr
    assert [Path(name).read_bytes() for name in names] == [WRONG, LAID]
    result = run("--check", "wrong.cnn")
    assert result.exit_code == 1 and "error[E0101]" in result.stderr
    result = run("-", stdin=WRONG)
    assert (result.stdout, result.exit_code) == ("", 1)


def test_faults_above_the_syntax_do_not_matter() -> None:
    files(wrong=b"net N{rleu}")
    assert run("wrong.cnn").exit_code == 0
    assert Path("wrong.cnn").read_bytes() == b"net N { rleu }\n"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (UGLY.replace(b"\n", b"\r\n"), LAID),
        (UGLY.replace(b"\n", b"\r"), LAID),
        (LAID.replace(b"\n", b"\r\n"), LAID),
        (b"\xef\xbb\xbf" + LAID, LAID),
        (UGLY.replace(b"  ", b"\t\t"), LAID),
        (UGLY[:-1], LAID),
        (UGLY + b"\n\n\t\n", LAID),
        (b"", b""),
        (b" \n\t\n", b""),
        (b"# alone", b"# alone\n"),
        (b"\n\n  # one  \n\n\n# two\t\n\n", b"# one\n\n# two\n"),
    ],
)
def test_bytes(given: bytes, made: bytes) -> None:
    files(net=given)
    assert run("--check", "net.cnn").exit_code == (given != made)
    assert run("net.cnn").exit_code == 0
    assert Path("net.cnn").read_bytes() == made


@pytest.mark.parametrize("content", [b"net N { relu } # \xff\n", b"net N { relu }\0\n", b" " * (2**20 + 1)])
def test_what_is_no_text_is_left_alone(content: bytes) -> None:
    files(net=content)
    result = run("net.cnn")
    assert result.exit_code == 1 and "error[E010" in result.stderr
    assert Path("net.cnn").read_bytes() == content


@pytest.mark.parametrize(("name", "said"), [("missing.cnn", "no such file"), ("x*.cnn", "no file matches")])
def test_a_wrong_call_changes_nothing(name: str, said: str) -> None:
    files(ugly=UGLY)
    result = run("ugly.cnn", name)
    assert result.exit_code == 2 and said in result.stderr
    assert Path("ugly.cnn").read_bytes() == UGLY


def test_permissions_stay() -> None:
    files(ugly=UGLY)
    Path("ugly.cnn").chmod(0o640)
    run("ugly.cnn")
    assert Path("ugly.cnn").stat().st_mode & 0o777 == 0o640


def test_a_link_is_not_followed() -> None:
    files(ugly=UGLY)
    Path("link.cnn").symlink_to("ugly.cnn")
    result = run("link.cnn")
    assert result.exit_code == 2 and "is a link" in result.stderr
    assert Path("ugly.cnn").read_bytes() == UGLY


def test_names_cannot_repaint_the_terminal() -> None:
    files(**{"a\x1b[31mb": UGLY})
    for arguments in (["--check"], ["--diff"], []):
        result = run(*arguments)
        assert "\x1b" not in result.stdout + result.stderr
