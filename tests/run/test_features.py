"""Contact sheets and their index: there, right, escaped, and nobody's file lost."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnnspec.analysis.unroll import unroll
from cnnspec.run import scales, sheets
from cnnspec.run.album import AlbumSection, page
from tests.run.calling import SPECS, noise, run, save
from tests.zoo.shipped import network

pytestmark = pytest.mark.slow

NASTY = """<script>alert("1")</script>&amp;'\u202egnp"""
HTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet's feature images of two pictures."""
    folder = tmp_path_factory.mktemp("album")
    images = [save(folder / name, noise(28, 28)) for name in ("a.png", "a b#<i>.png")]
    called = run(SPECS / "lenet.cnn", *images, "--features", folder / "out")
    assert called.code == 0 and "index.html" in called.err
    return folder / "out"


def test_a_sheet_for_every_layer(album: Path) -> None:
    names = ["input", *(node.path for node in unroll(network("LeNet5")).nodes)]
    for folder in ("1-a", "2-a_b_i_"):
        found = sorted(path.name for path in (album / folder).iterdir())
        assert found == [*(f"{i:03}-{name}.png" for i, name in enumerate(names)), "input.png", "overview.png"]
        assert Image.open(album / folder / "input.png").size == (28, 28)


def test_the_index_shows_them_all(album: Path) -> None:
    text = (album / "index.html").read_text("utf-8")
    root = ElementTree.fromstring(text)
    sources = [image.attrib["src"] for image in root.iter(f"{HTML}img")]
    assert sorted(sources) == sorted(path.relative_to(album).as_posix() for path in album.glob("*/*.png"))
    assert "conv1: 6@28x28" in [caption.text for caption in root.iter(f"{HTML}figcaption")]
    assert not list(root.iter(f"{HTML}script")) and "http" not in text.replace(
        "http://www.w3.org/1999/xhtml", ""
    )
    assert [head.text for head in root.iter(f"{HTML}h2")][1].endswith("a b#<i>.png")  # type: ignore[union-attr]
    assert "class " in "".join(pre.text or "" for pre in root.iter(f"{HTML}pre"))


def test_names_of_all_kinds_are_escaped() -> None:
    text = page(NASTY, NASTY, [AlbumSection(NASTY, [NASTY], [("1-x/y.png", NASTY)])])
    root = ElementTree.fromstring(text)
    assert not list(root.iter(f"{HTML}script")) and "\u202e" not in text
    shown = NASTY.replace("\u202e", r"\u{202e}")
    assert [image.attrib["alt"] for image in root.iter(f"{HTML}img")] == [shown]
    assert root.findtext(f"{HTML}head/{HTML}title") == shown


def test_nasty_labels_of_layers_make_harmless_files(tmp_path: Path) -> None:
    spec = tmp_path / "net.cnn"
    spec.write_text(
        'net N {\ninput 1@8x8\n"/<b>/ö": conv 2@3x3\n"CON": relu\n"ö\U0001f600": relu\n}\n', "utf-8"
    )
    called = run(spec, save(tmp_path / "x.png", noise(8, 8)), "--features", tmp_path / "out")
    assert called.code == 0, called.err
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert {"1-x/002-CON.png", "1-x/003-_.png"} <= names
    assert all(name.isascii() and name.count("/") == 1 and ".." not in name for name in names)
    root = ElementTree.fromstring((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert any("/<b>/ö" in (caption.text or "") for caption in root.iter(f"{HTML}figcaption"))


def opened(data: bytes, folder: Path) -> Any:
    (folder / "sheet.png").write_bytes(data)
    return Image.open(folder / "sheet.png")


def test_a_sheet_holds_each_channel_in_its_own_range(tmp_path: Path) -> None:
    """Four channels of 2x2, each with its own offset: every one runs from black to white."""
    steps = np.array([[0.0, 1], [2, 3]])
    value = np.stack([steps * 10**n + n for n in range(4)])
    pixels = np.asarray(opened(sheets.layer_sheet("conv1", value), tmp_path))
    factor = (sheets.WIDTH - sheets.GAP) // 2 - sheets.GAP
    side = min(factor, sheets.LARGEST) // 2 * 2
    top = int(np.argmax((pixels == 0).sum(axis=1) >= side))  # the first row of the pictures' black squares
    for column in range(2):
        left = sheets.GAP + column * (side + sheets.GAP)
        corner = pixels[top : top + side, left : left + side][:: side // 2, :: side // 2]
        assert corner.tolist() == [[0, 85], [170, 255]]


def test_signed_maps_are_white_at_zero(tmp_path: Path) -> None:
    """-2 is full blue and 1 half vermilion, whatever other channels hold; the sheet shows the scale."""
    value = np.array([[[-2.0, 0], [1, 2]], [[0, 0], [0, 0]]])
    first, second = scales.pixels(value, scales.is_signed(value))
    assert first[0].tolist() == [[0, 0x72, 0xB2], [255, 255, 255]]
    assert first[1, 1].tolist() == [0xA8, 0x43, 0]
    np.testing.assert_allclose(first[1, 0], np.mean([[0xA8, 0x43, 0], [255, 255, 255]], axis=0), atol=2)
    assert (second == 255).all()
    sheet = opened(sheets.layer_sheet("conv1", value), tmp_path)
    assert sheet.mode == "RGB"
    row = np.asarray(sheet)[sheets.GAP, -150:].tolist()  # through the scale
    blue, white, vermilion = (row.index(colour) for colour in ([0, 114, 178], [255, 255, 255], [168, 67, 0]))
    assert blue < white < vermilion
    assert opened(sheets.layer_sheet("relu1", abs(value)), tmp_path).mode == "L"
    value[0, 0, 0] = np.nan
    assert scales.pixels(value, True)[0, 0, 0].tolist() == [0, 0, 0], "no number is black"


def test_signed_outputs_and_vectors_have_the_same_scale(tmp_path: Path) -> None:
    image = np.asarray(opened(sheets.plain(np.array([[[-1.0, 0, 1]]])), tmp_path))
    assert image[0].tolist() == [[0, 114, 178], [255, 255, 255], [168, 67, 0]]
    (picture,) = scales.pictures_of(np.array([-1.0, 0, 1]), 64, True)
    assert picture.tolist() == [image[0, :2].tolist(), [image[0, 2].tolist(), [scales.PAPER] * 3]]


def title_of(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> tuple[str, str, int]:
    """What a sheet is told to show: title, note, number of pictures."""
    seen: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        sheets, "draw_sheet", lambda made: seen.append((made.title, made.note, len(made.cells)))
    )
    sheets.layer_sheet(name, value)
    return seen[0]


def test_titles_say_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    title, note, count = title_of(monkeypatch, "conv1", np.zeros((6, 28, 28)))
    assert (title, count) == ("conv1: 6@28x28", 6)
    title, note, count = title_of(monkeypatch, "conv5", np.ones((256, 13, 13)))
    assert (title, count) == ("conv5: 256@13x13", 64) and "of 256 channels" in note
    title, note, count = title_of(monkeypatch, "fc", np.arange(10.0))
    assert (title, count) == ("fc: 10", 1) and "10 numbers in rows of 4; from 0 to 9" in note
    title, note, count = title_of(monkeypatch, "pool", np.zeros((512, 1, 1)))
    assert (title, count) == ("pool: 512@1x1", 1)
    title, note, count = title_of(monkeypatch, "x", np.array([[[1.0, np.nan, np.inf]]]))
    assert "from 1 to 1, 2 not finite" in note


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 1, 3000), (2, 3000, 1), (64, 2, 2), (1,), (1009,), (3, 500, 7)]
)
def test_sheets_of_all_shapes(shape: tuple[int, ...], tmp_path: Path) -> None:
    value = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    image = opened(sheets.layer_sheet("ж" * 500, value), tmp_path)
    assert sheets.SMALLEST <= image.width <= sheets.WIDTH and image.height < 8000
    assert "made by cnnspec" in image.text["Software"]


def test_outputs_of_three_channels_are_in_colour(tmp_path: Path) -> None:
    value = np.zeros((3, 2, 2))
    value[0], value[2, 0, 0] = 1, 0.5
    image = np.asarray(opened(sheets.plain(value), tmp_path))
    assert image[1, 1].tolist() == [255, 0, 0] and image[0, 0].tolist() == [255, 0, 128]
    side_by_side = np.asarray(opened(sheets.plain(np.arange(8.0).reshape(2, 2, 2)), tmp_path))
    assert side_by_side.tolist() == [[0, 85, 0, 85], [170, 255, 170, 255]]


def test_the_picture_of_the_readme(tmp_path: Path) -> None:
    """It is what the command under it makes; decoders of JPEG may differ by a grey or two."""
    photograph = resources.files("sklearn.datasets.images") / "china.jpg"
    called = run(SPECS / "edges.cnn", photograph, "--input", "1@100x150", "--features", tmp_path)
    assert called.code == 0
    made, shown = tmp_path / "1-china" / "overview.png", SPECS / "figures" / "edges.png"
    difference = np.asarray(Image.open(made), float) - np.asarray(Image.open(shown), float)
    assert abs(difference).mean() < 2
    assert sum(path.stat().st_size for path in shown.parent.iterdir()) < 300_000


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    image, out = save(tmp_path / "x.png", noise(28, 28)), tmp_path / "out"
    arguments = (SPECS / "lenet.cnn", image, "--features", out)
    assert run(*arguments).code == 0
    assert run(*arguments).code == 0, "what is ours is written again"
    mine = save(out / "1-x" / "003-avgpool1.png", noise(5, 5)).read_bytes()
    called = run(*arguments)
    assert called.code == 2 and "--force" in called.err and "class" in called.out
    assert (out / "1-x" / "003-avgpool1.png").read_bytes() == mine
    assert run(*arguments, "--force").code == 0
    assert (out / "1-x" / "003-avgpool1.png").read_bytes() != mine


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    image = save(tmp_path / "x.png", noise(28, 28))
    for place, said in ((image, image), (f"{image}/a", f"{image}/a: {image}")):
        called = run(SPECS / "lenet.cnn", image, "--features", place)
        assert called.code == 2 and "class" in called.out
        assert len(called.err.splitlines()) == 2
        assert called.err.endswith(f"{said}{':' * (place == image)} is no folder\n")


@pytest.mark.parametrize("link", ["f", "f/1-x"])
def test_nothing_is_written_through_a_link(link: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(elsewhere)
    image = save(tmp_path / "x.png", noise(8, 8))
    called = run(SPECS / "digits.cnn", image, "--features", tmp_path / "f")
    assert called.code == 2 and f"{tmp_path / link}: is a link" in called.err
    assert not list(elsewhere.iterdir())
