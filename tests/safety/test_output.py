"""Output is written whole or not at all, and nothing of others is overwritten (promise 6)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnspec.text import output
from cnnspec.text.files import FileProblem
from cnnspec.text.output import MARK, TEMPORARY, write
from tests.safety.running import ROOT, cnnspec

pytestmark = pytest.mark.slow

OURS = f"# N: {MARK} 0.1.0 from net.cnn"
SPEC = str(ROOT / "specs" / "lenet.cnn")

WRITER = """
import sys
from cnnspec.text import output
text = "# N: {mark} 0.1.0 from net.cnn\\n" + sys.argv[2] * 2_000_000 + "\\n"
output.write(sys.argv[1], text)
print("ready", flush=True)
while True:
    output.write(sys.argv[1], text)
""".replace("{mark}", MARK)


def strays(folder: Path) -> list[Path]:
    return list(folder.glob(f"{TEMPORARY}*"))


def test_a_kill_never_tears_a_file(tmp_path: Path) -> None:
    """Writers of a's and of b's, killed at any moment: the file is one or the other, and whole."""
    target = tmp_path / "net.py"
    whole = {f"{OURS}\n" + letter * 2_000_000 + "\n" for letter in "ab"}
    chance = random.Random(0)
    torn = 0  # kills that met a write half done
    for turn in range(100):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target), "ab"[turn % 2]],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert target.read_text() in whole
        left = [stray for stray in strays(tmp_path) if stray.stat().st_size]
        assert len(left) <= 1, "the next run clears what the one before left"
        torn += bool(left)
        if turn >= 11 and torn:
            break
    assert torn, "no kill met a write: the test shows nothing"
    for stray in strays(tmp_path):  # an empty one might be a run's that has just begun, so it must be old
        os.utime(stray, (0, 0))
    write(str(target), f"{OURS}\n")
    assert not strays(tmp_path)


def test_kills_of_the_command_itself(tmp_path: Path) -> None:
    target = tmp_path / "net.py"
    assert cnnspec("build", SPEC, "-o", str(target)).code == 0
    old = target.read_bytes()
    chance = random.Random(1)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-m", "cnnspec", "build", SPEC, "--set", "classes=7", "-o", str(target)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.05, 0.3))
        process.kill()
        process.wait()
        now = target.read_bytes()
        assert now == old or now.count(b"\n") > 20
        compile(now, "net.py", "exec")


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "net.py"
    write(str(target), f"{OURS}\nold\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(FileProblem, match="No space"):
        write(str(target), f"{OURS}\nnew\n")
    assert target.read_text() == f"{OURS}\nold\n"
    assert not strays(tmp_path)


def test_a_failing_build_leaves_the_old_file(tmp_path: Path) -> None:
    spec, target = tmp_path / "net.cnn", tmp_path / "net.py"
    spec.write_text("net N { input 3@8x8, relu }\n")
    assert cnnspec("build", str(spec), "-o", str(target)).code == 0
    old = target.read_bytes()
    spec.write_text("net N { input 3@8x8, conv 8@9x9 }\n")
    assert cnnspec("build", str(spec), "-o", str(target)).code == 1
    assert target.read_bytes() == old


def test_two_at_work_do_not_disturb_each_other(tmp_path: Path) -> None:
    """One run's temporary file is no stray of another's."""
    builds = [
        subprocess.Popen(
            [sys.executable, "-m", "cnnspec", "build", SPEC, "-o", str(tmp_path / f"net{n % 2}.py")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for n in range(8)
    ]
    for build in builds:
        _, err = build.communicate()
        assert build.returncode == 0, err
    assert not strays(tmp_path)


def test_strays_are_cleared_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY}abc").write_text("half a file")
    (tmp_path / f"{TEMPORARY}folder").mkdir()
    (tmp_path / f"{TEMPORARY}link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").write_text("mine")
    (tmp_path / ".other").write_text("mine")
    write(str(tmp_path / "net.py"), f"{OURS}\n")
    assert not (tmp_path / f"{TEMPORARY}abc").exists()
    assert (tmp_path / "kept").read_text() == (tmp_path / ".other").read_text() == "mine"
    assert (tmp_path / f"{TEMPORARY}folder").is_dir()


def archive(comment: bytes) -> bytes:
    """A .npz without a tensor."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.comment = comment
        opened.writestr("made by cnnspec.npy", b"")
    return file.getvalue()


def safetensors(header: object) -> bytes:
    """A .safetensors without a tensor: its header's length, its header."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"print('mine')\n",
        b"# notes\n# made by cnnspec, or so I think\n",
        b"\x89PNG\r\n\x1a\nmine",
        b"%PDF-1.4\nmine",
        b"\xff\xfe\x00",
        b"\n",
        b"",
        b"# notes: files made by cnnspec are great\n",
        b"# made by cnnspec\n",
        b"# a file: made by cnnspec 0.1.0 from net.cnn, then by me\n",
        b"// notes on what was made by cnnspec 0.1.0\n",
        b"<!-- my own page, not made by cnnspec -->\n<p>mine</p>\n",
        b"<!DOCTYPE html>\n<p>mine</p>\n<!-- N: made by cnnspec 0.1.0 -->\n<svg></svg>\n",
        b"<!DOCTYPE html>\n<!-- N: made by cnnspec 0.1.0, then by me -->\n",
        b"<p>mine</p>\n<!-- N: made by cnnspec 0.1.0 -->\n",
        b"%PDF-1.4\n% made by cnnspec\nmine\n",
        b"\x89PNG\r\n\x1a\ntEXtComment\0not made by cnnspec 0.1.0",
        b"\x89PNG\r\n\x1a\ntEXtSoftware\0mine, not made by cnnspec 0.1.0",
        b"PK\x03\x04made by cnnspec",
        b"\x08\x0a\x12\x07pytorch\x1a\x062.13.0",
        b"\x08\x0a\x12\x0cnot cnnspec\x1a\x050.1.0",
        archive(b""),
        archive(b"not made by cnnspec"),
        safetensors({"made by cnnspec": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}),
        safetensors({"__metadata__": {"format": "made by cnnspec"}}),
        safetensors({"__metadata__": {"writer": "mine"}}),
        (9).to_bytes(8, "little") + b"{broken}}" + b"made by cnnspec",
        b"\x02" + bytes(7) + b"{\xff" + b"more",
    ],
)
def test_a_foreign_file_is_kept_unless_forced(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "net.py"
    target.write_bytes(content)
    ran = cnnspec("build", SPEC, "-o", str(target))
    assert ran.code == 2
    assert "--force" in ran.err
    assert target.read_bytes() == content
    assert cnnspec("build", SPEC, "-o", str(target), "--force").code == 0
    assert target.read_bytes() != content


@pytest.mark.parametrize("ending", ["dot", "svg", "html", "png", "pdf"])
def test_what_is_ours_is_written_again(ending: str, tmp_path: Path) -> None:
    for _ in range(2):
        ran = cnnspec("draw", SPEC, "-o", str(tmp_path / f"net.{ending}"))
        assert ran.code == 0, ran.err
        for backend in ("torch", "numpy", *(["onnx"] if find_spec("onnx") else [])):
            ran = cnnspec("build", SPEC, "--backend", backend, "-o", str(tmp_path / backend))
            assert ran.code == 0, ran.err


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_links_folders_and_devices_are_refused(force: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link.py").symlink_to("mine")
    (tmp_path / "dangling.py").symlink_to("nowhere")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    with contextlib.suppress(PermissionError):  # only root makes devices, and only root could lose one
        os.mknod(tmp_path / "full.py", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    for target in ["link.py", "dangling.py", "folder.py", "pipe.py", "full.py", "no/such/folder.py", "a\0b"]:
        if target == "full.py" and not (tmp_path / target).exists():
            continue
        if "\0" in target:
            with pytest.raises(FileProblem):
                write(target, "text", bool(force))
            continue
        ran = cnnspec("build", SPEC, "-o", target, *force, cwd=tmp_path)
        assert ran.code == 2, target
        assert "Traceback" not in ran.err
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("elsewhere")
    for target in ["linked/net.py", "linked/inner/net.py", str(tmp_path / "linked" / "net.py")]:
        ran = cnnspec("build", SPEC, "-o", target, *force, cwd=tmp_path)
        assert (ran.code, "linked is a link" in ran.err) == (2, True), ran.err
    assert [*(tmp_path / "elsewhere").rglob("*.py")] == []
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert stat.S_ISFIFO((tmp_path / "pipe.py").stat().st_mode)


def test_the_mode_is_the_user_s(tmp_path: Path) -> None:
    target = tmp_path / "net.py"
    old = os.umask(0o027)
    try:
        write(str(target), f"{OURS}\n")
    finally:
        os.umask(old)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    write(str(target), f"{OURS}\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
