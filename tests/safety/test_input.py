"""What is no specification, whatever it is, ends in a message and exit 1 or 2 (promises 2, 3 and 9)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.safety.running import ROOT, cnnspec, measured

pytestmark = pytest.mark.slow

LENET = (ROOT / "specs" / "lenet.cnn").read_bytes()

WRONG_BYTES = {
    "nothing": b"",
    "a_mark_alone": b"\xef\xbb\xbf",
    "not_utf8": b"net N {\n    input 3@8x8 # caf\xe9\n    relu\n}\n",
    "not_utf8_at_the_end": b"net N { input 3@8x8, relu }\n\xc3",
    "utf16": "net N { input 3@8x8, relu }\n".encode("utf-16"),
    "surrogates": b"net N { input 3@8x8, \xed\xa0\x80 }",
    "overlong": b"net N { input 3@8x8, \xc0\xaf }",
    "nul": b"net N {\n    input 3@8x8\0\n    relu\n}\n",
    "all_bytes": bytes(range(256)) * 64,
    "zeros": bytes(100_000),
    "escapes": b"net N { input 3@8x8, \x1b[31m relu }\n",
    "bidi": "net N { input 3@8x8, relu # \u202e }\n".encode(),
    "ten_megabytes_on_a_line": b"relu," * 2_000_000,
    "ten_megabytes_of_spaces": b" " * 10_000_000,
    "braces": b"{" * 100_000,
    "digits": b"net N { input 3@8x8, conv " + b"9" * 5_000 + b"@3x3 }\n",
    "digits_in_a_size": b"net N { input 3@8x8, conv 8@3x" + b"9" * 5_000 + b" }\n",
    "digits_in_a_label": b"net N { input 3@8x8, " + b"9" * 200 + b": relu }\n",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(64),
}


@pytest.mark.parametrize("name", WRONG_BYTES)
def test_wrong_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.cnn"
    path.write_bytes(WRONG_BYTES[name])
    ran = measured("check", str(path))
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "error[E" in ran.err
    assert "net.cnn:" in ran.err
    assert not set(ran.err) & set("\0\x1b\u202e"), "control characters reached the terminal"
    assert ran.memory < 400 * 2**20


@pytest.mark.parametrize("name", WRONG_BYTES)
def test_wrong_bytes_by_standard_input(name: str) -> None:
    ran = cnnspec("check", "-", "--format", "concise", stdin=WRONG_BYTES[name])
    assert ran.code == 1
    assert "Traceback" not in ran.err


def test_crlf_and_a_mark_are_fine(tmp_path: Path) -> None:
    plain = tmp_path / "lenet.cnn"
    plain.write_bytes(LENET)
    wanted = cnnspec("build", str(plain)).out
    assert wanted
    for changed in (LENET.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + LENET, LENET.replace(b"\n", b"\r")):
        plain.write_bytes(changed)
        assert cnnspec("build", str(plain)).out == wanted


def test_a_fault_stands_where_it_is_behind_a_mark_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "net.cnn"
    path.write_bytes(b"\xef\xbb\xbfnet N {\r\n    input 3@8x8\r\n    rleu\r\n}\r\n")
    assert "net.cnn:3:5" in cnnspec("check", str(path), "--format", "concise").err


@pytest.mark.parametrize("command", ["check", "build", "draw"])
@pytest.mark.parametrize(
    "where",
    [
        "missing.cnn",
        ".",
        "/dev/zero",
        "/dev/null",
        "/dev/tty",
        "no/such/folder/net.cnn",
        "net.cnn/",
        "x" * 5_000,
        "bad\nname.cnn",
    ],
)
def test_what_is_no_file_is_a_wrong_call(command: str, where: str, tmp_path: Path) -> None:
    rest = ("-o", "out.dot") if command == "draw" else ()
    ran = cnnspec(command, where, *rest, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("cnnspec: ")
    assert ran.err.count("\n") == 1


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "net.cnn"
    path.write_bytes(LENET)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert cnnspec("check", str(path)).code == 2


def test_a_socket(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s.cnn"))
        assert cnnspec("check", str(tmp_path / "s.cnn")).code == 2


def test_a_pipe_is_read_to_its_bound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cnn")
    feeding = "import sys\nwith open(sys.argv[1], 'wb') as f:\n    f.write(b'relu,' * 400_000)"
    with subprocess.Popen(
        [sys.executable, "-c", feeding, str(tmp_path / "pipe.cnn")], stderr=subprocess.DEVNULL
    ) as feeder:
        ran = cnnspec("check", str(tmp_path / "pipe.cnn"), "--format", "concise")
        feeder.wait(30)
    assert ran.code == 1
    assert "max_source" in ran.err


def test_output_that_nobody_reads() -> None:
    """`cnnspec … | head`: no traceback when the reader is gone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnspec", "build", str(ROOT / "specs" / "resnet.cnn")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    process.wait(30)
    assert "Traceback" not in err


USES: dict[str, dict[str, str]] = {
    "itself": {"net.cnn": 'use "net.cnn"\n'},
    "a_circle": {"net.cnn": 'use "a.cnn"\n', "a.cnn": 'use "b.cnn"\n', "b.cnn": 'use "a.cnn"\n'},
    "a_circle_by_a_dot": {"net.cnn": 'use "./a.cnn"\n', "a.cnn": 'use "././net.cnn"\n'},
    "the_folder_above": {"net.cnn": 'use "../secret.cnn"\n'},
    "the_folder_above_later": {"net.cnn": 'use "blocks/../../secret.cnn"\n'},
    "the_root": {"net.cnn": 'use "/etc/passwd.cnn"\n'},
    "no_specification": {"net.cnn": 'use "/etc/passwd"\n'},
    "a_windows_path": {"net.cnn": 'use "..\\secret.cnn"\n'},
    "a_url": {"net.cnn": 'use "https://example.org/net.cnn"\n'},
    "a_nul": {"net.cnn": 'use "a\\0.cnn"\n'},
    "a_long_name": {"net.cnn": f'use "{"x" * 5_000}.cnn"\n'},
    "a_folder": {"net.cnn": 'use "sub.cnn"\n', "sub.cnn/x.cnn": ""},
    "wrong_bytes": {"net.cnn": 'use "a.cnn"\n', "a.cnn": "a = \0\n"},
    "a_fault": {"net.cnn": 'use "a.cnn"\n', "a.cnn": "block {\n"},
    "many": {"net.cnn": "".join(f'use "a{n}.cnn"\n' for n in range(2_000))},
    "a_long_line_of_files": {
        "net.cnn": 'use "a0.cnn"\n',
        **{f"a{n}.cnn": f'use "a{n + 1}.cnn"\n' for n in range(400)},
    },
}


@pytest.mark.parametrize("name", USES)
def test_use(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    for path, text in USES[name].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text + ("net N { input 3@8x8, relu }\n" if path == "net.cnn" else ""))
    (tmp_path / "secret.cnn").write_text("secret = 1\n")
    ran = cnnspec("check", "net.cnn", cwd=folder)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "error[E" in ran.err
    assert "secret = 1" not in ran.err


@pytest.mark.parametrize("how", ["a link", "a linked folder", "a link in a used file"])
def test_use_follows_no_link_out_of_its_folder(how: str, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "secret.cnn").write_text("secret = £\n")
    folder = tmp_path / "inside"
    (folder / "sub").mkdir(parents=True)
    path = "secret.cnn"
    if how == "a link":
        (folder / "secret.cnn").symlink_to(tmp_path / "away" / "secret.cnn")
    elif how == "a linked folder":
        (folder / "to").symlink_to(tmp_path / "away")
        path = "to/secret.cnn"
    else:
        (folder / "sub" / "a.cnn").write_text('use "secret.cnn"\n')
        (folder / "sub" / "secret.cnn").symlink_to(tmp_path / "away" / "secret.cnn")
        path = "sub/a.cnn"
    (folder / "net.cnn").write_text(f'use "{path}"\nnet N {{ input 3@8x8, relu }}\n')
    ran = cnnspec("check", "net.cnn", cwd=folder)
    assert ran.code == 1
    assert "E0206" in ran.err
    assert "£" not in ran.err


def test_a_link_within_the_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a.cnn").write_text("block B { relu }\n")
    (tmp_path / "b.cnn").symlink_to("a.cnn")
    (tmp_path / "net.cnn").write_text('use "b.cnn"\nnet N { input 3@8x8, B }\n')
    assert cnnspec("check", "net.cnn", cwd=tmp_path).code == 0


def test_a_folder_that_holds_itself(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "net.cnn").write_text('use "again/net.cnn"\nnet N { input 3@8x8, relu }\n')
    ran = cnnspec("check", "net.cnn", cwd=tmp_path)
    assert ran.code == 1
    assert "Traceback" not in ran.err


def test_the_same_name_in_two_folders_is_two_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "part.cnn").write_text("a = 3\n")
    (tmp_path / "sub" / "part.cnn").write_text("b = 4\n")
    (tmp_path / "sub" / "inner.cnn").write_text('use "part.cnn"\nc = b\n')
    text = 'use "part.cnn"\nuse "sub/inner.cnn"\nnet N { input 3@8x8, conv (a + b + c)@3x3 }\n'
    (tmp_path / "net.cnn").write_text(text)
    ran = cnnspec("check", "net.cnn", cwd=tmp_path)
    assert "-> 11@6x6" in ran.out, ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--set", "classes"],
        ["--set", "classes=" + "9" * 5_000],
        ["--set", "classes=" + "[" * 5_000],
        ["--set", "classes=__import__('os')"],
        ["--set", "classes=[0 for i in 100000 for j in 100000]"],
        ["--set", "classes=[[0 for i in 100000] for j in 100000]"],
        ["--set", "classes=2147483647*2147483647"],
        ["--set", "=1"],
        ["--set", "classes=1\n}\nnet X {"],
        ["--input", "3@0x0"],
        ["--input", "3@" + "9" * 5_000 + "x1"],
        ["--input", "x=3@8x8"],
        ["--input", "3@2147483647x2147483647"],
        ["--net", "x\ny"],
        ["--net", ""],
        ["--limit", "max_depth=0"],
        ["--limit", "max_depth=1000000"],
        ["--limit", "max_nesting=201"],
        ["--limit", "max_expression=501"],
        ["--format", "xml"],
    ],
)
def test_options(arguments: list[str]) -> None:
    ran = cnnspec("check", str(ROOT / "specs" / "lenet.cnn"), *arguments)
    assert ran.code in (1, 2)
    assert "Traceback" not in ran.err
    assert ran.err


@pytest.mark.parametrize("limits", [(64, 200), (200, 500)])
def test_blocks_and_operators_as_deep_as_they_may_be(limits: tuple[int, int], tmp_path: Path) -> None:
    depth, operators = limits[0] - 3, limits[1] - 3
    lines = [f"block B0 {{ a = {'-' * operators}1\n relu }}"]
    lines += [f"block B{n} {{ B{n - 1} }}" for n in range(1, depth)]
    path = tmp_path / "net.cnn"
    path.write_text("\n".join([*lines, f"net N {{ input 3@8x8, B{depth - 1} }}\n"]))
    given = [f"--limit=max_depth={limits[0]}", f"--limit=max_expression={limits[1]}"]
    for command in (["check"], ["summary"], ["build"], ["draw", "-o", str(tmp_path / "net.svg")]):
        assert run_in_process([*command, str(path), *given]) == 0


def test_an_input_too_large_names_its_limit() -> None:
    ran = cnnspec("check", str(ROOT / "specs" / "lenet.cnn"), "--input", "1@99999999x99999999")
    assert ran.code == 1
    assert "max_elements" in ran.err


def run_in_process(arguments: list[str]) -> int:
    from click.testing import CliRunner

    from cnnspec.commands.cli import main

    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


@pytest.mark.parametrize("style", ["text", "concise", "json", "sarif", "github"])
def test_wrong_bytes_in_every_format(style: str, tmp_path: Path) -> None:
    run: Callable[[list[str]], int] = run_in_process
    for name, content in WRONG_BYTES.items():
        path = tmp_path / f"{name}.cnn"
        path.write_bytes(content)
        assert run(["check", str(path), "--format", style]) == 1
