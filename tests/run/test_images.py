"""Images are prepared as torchvision prepares them, and odd ones are taken or refused in one line."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnspec.graph.tree import Input, Value
from cnnspec.run import RunProblem
from cnnspec.run.image_input import planes, prepare, read_image
from cnnspec.text.source import Source, Span
from cnnspec.values.shapes import Shape
from tests.run.calling import SPECS, noise, run, save

pytestmark = pytest.mark.slow

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NOWHERE = Span(Source("", ""), 0, 0)
LENET = SPECS / "lenet.cnn"


def taking(shape: Shape, mean: tuple[float, ...] = (), std: tuple[float, ...] = ()) -> Input:
    return Input("input", Value(shape), mean, std, NOWHERE)


def pixels(path: Path, channels: int = 1, size: int = 4) -> Any:
    """What a net that takes size x size sees: (H, W) or (H, W, C), from 0 to 255."""
    return np.asarray(read_image(str(path), taking(Shape(channels, size, size))), int)


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (300, 300), (224, 1000), (100, 61), (1, 1)])
@pytest.mark.parametrize("short", [None, 256])
def test_as_torchvision_s_preset(
    size: tuple[int, int], short: int | None, tmp_path: Path, torchvision: Any
) -> None:
    """Resize, centre crop, mean and deviation, on smooth and on rough pictures."""
    from torchvision.transforms._presets import ImageClassification

    width, height = size
    rough = noise(height, width, 3)
    rough[: height // 2] = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    path = save(tmp_path / "photo.png", rough)
    given = taking(Shape(3, 224, 224), MEAN, STD)
    found = prepare(planes(read_image(str(path), given, short))[None], given)
    preset = ImageClassification(crop_size=224, resize_size=short or 224)
    wanted = preset(Image.open(path))[None].numpy()
    assert found.shape == (1, 3, 224, 224) and found.dtype == np.float32
    level = 1 / 255 / min(STD)  # one step of a pixel
    assert abs(found - wanted).max() < 1.01 * level
    assert abs(found - wanted).mean() < 0.2 * level


def test_the_crop_of_an_input_that_is_no_square(tmp_path: Path) -> None:
    """12x20 to 4x10: halved to 6x10, then the middle rows are cut out."""
    rows = np.repeat(np.arange(12, dtype=np.uint8) * 20, 20).reshape(12, 20)
    image = read_image(str(save(tmp_path / "rows.png", rows)), taking(Shape(1, 4, 10)))
    found = np.asarray(image)
    assert found.shape == (4, 10)
    assert (found == found[:, :1]).all()
    np.testing.assert_allclose(found[:, 0], [50, 90, 130, 170], atol=1)


def test_pixels_of_an_image_of_the_input_s_size_are_kept(tmp_path: Path) -> None:
    grey = noise(4, 4)
    given = taking(Shape(1, 4, 4))
    saved = read_image(str(save(tmp_path / "grey.png", grey)), given)
    found = prepare(planes(saved)[None], given)
    np.testing.assert_allclose(found[0, 0], grey / 255, atol=1e-7)
    given = taking(Shape(1, 4, 4), (0.5,), (0.25,))
    found = prepare(planes(read_image(str(tmp_path / "grey.png"), given))[None], given)
    np.testing.assert_allclose(found[0, 0], (grey / 255 - 0.5) / 0.25, atol=1e-6)


def test_grey_becomes_rgb_and_rgb_grey(tmp_path: Path) -> None:
    grey, colour = noise(4, 4), np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert (pixels(save(tmp_path / "grey.png", grey), channels=3) == grey[:, :, None]).all()
    assert (pixels(save(tmp_path / "red.png", colour)) == 76).all(), "0.299 of 255"


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    half = np.zeros((4, 4, 4), np.uint8)
    half[:, 2:, 3] = 255
    found = pixels(save(tmp_path / "half.png", half), channels=3)
    assert (found[:, :2] == 255).all() and (found[:, 2:] == 0).all()
    palette = Image.fromarray(np.repeat(np.array([[0, 1, 1, 1]], np.uint8), 4, axis=0), "P")
    palette.putpalette([9, 9, 9, 200, 100, 0])
    palette.save(tmp_path / "palette.png", transparency=0)
    found = pixels(tmp_path / "palette.png", channels=3)
    assert (found[:, 0] == 255).all() and (found[:, 1:] == (200, 100, 0)).all()


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    deep = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    assert (pixels(save(tmp_path / "deep.png", deep), size=2) == [[0, 100], [200, 255]]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_all_modes_of_png(mode: str, tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 7, 3), 255, np.uint8)).convert(mode).save(tmp_path / "white.png")
    assert (pixels(tmp_path / "white.png") == 255).all()
    assert (pixels(tmp_path / "white.png", channels=3) == 255).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
def test_all_modes_of_jpeg(mode: str, tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 7, 3), (10, 200, 60), np.uint8)).convert(mode).save(tmp_path / "x.jpg")
    grey = 0.299 * 10 + 0.587 * 200 + 0.114 * 60
    np.testing.assert_allclose(pixels(tmp_path / "x.jpg"), grey, atol=4)


def test_a_photograph_is_turned_as_its_camera_was(tmp_path: Path) -> None:
    grey = np.repeat(np.array([0, 80, 160, 240], np.uint8), 4).reshape(4, 4)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by a quarter
    path = save(tmp_path / "turned.png", grey, exif=exif)
    assert (pixels(path) == grey.T[:, ::-1]).all()


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 250)
    first.save(tmp_path / "moving.png", save_all=True, append_images=[second])
    assert (pixels(tmp_path / "moving.png") == 10).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 60_000), (60_000, 1)])
def test_thin_images_take_no_more_than_others(size: tuple[int, int], tmp_path: Path) -> None:
    path = save(tmp_path / "thin.png", np.full(size, 77, np.uint8))
    assert (pixels(path, channels=3, size=224) == 77).all()


def huge(width: int, height: int) -> bytes:
    """The head of a PNG that claims to be so large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def encoded(kind: str, image: Image.Image | None = None) -> bytes:
    out = io.BytesIO()
    (image or Image.fromarray(noise(64, 64, 3))).save(out, kind)
    return out.getvalue()


REFUSED = {
    "empty": (b"", "no PNG or JPEG"),
    "text": (b"not an image\n", "no PNG or JPEG"),
    "gif": (encoded("GIF"), "no PNG or JPEG"),
    "cut png": (encoded("PNG")[:2000], "cannot be read"),
    "cut jpeg": (encoded("JPEG")[:1000], "cannot be read"),
    "head only": (encoded("PNG")[:33], "no PNG or JPEG"),
    "broken png": (encoded("PNG")[:60] + b"\xff" * 500 + encoded("PNG")[560:], "cannot be read"),
    "over the limit": (huge(10_000, 5_001), "more than 50,000,000 pixels"),
    "bomb": (huge(60_000, 60_000), "more than 50,000,000 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, reason = REFUSED[name]
    (tmp_path / "x.png").write_bytes(content)
    called = run(LENET, tmp_path / "x.png")
    assert called.code == 2 and called.out == ""
    *_, line = called.err.splitlines()
    assert line.startswith("cnnspec: ") and "x.png" in line and reason in line
    assert len(called.err.splitlines()) == 2, "the note on random weights, and this"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damaged_images_never_end_in_a_traceback(kind: str, tmp_path: Path) -> None:
    """Every seventh prefix, and bytes changed by chance: an image or one line, no warning."""
    whole = encoded(kind, Image.fromarray(noise(9, 9, 3)))
    chance = random.Random(0)
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.append(bytes(content))
    refused = 0
    for content in damaged:
        (tmp_path / "x").write_bytes(content)
        try:
            pixels(tmp_path / "x")
        except RunProblem as problem:
            refused += 1
            assert "\n" not in str(problem)
    assert 20 < refused < len(damaged)


@pytest.mark.parametrize("name", ["missing.png", ".", "bad\nname.png"])
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    called = run(LENET, tmp_path / name)
    assert called.code == 2 and len(called.err.splitlines()) == 2


def test_one_bad_image_loses_no_other(tmp_path: Path) -> None:
    good = [save(tmp_path / f"{i}.png", noise(28, 28)) for i in range(2)]
    (tmp_path / "bad.png").write_bytes(b"bad")
    called = run(LENET, good[0], tmp_path / "bad.png", good[1], "--top", 1)
    assert called.code == 2
    assert [line for line in called.out.splitlines() if line[0] != " "] == list(map(str, good))
    assert "bad.png" in called.err and called.err.count("cannot") + called.err.count("no PNG") == 1
