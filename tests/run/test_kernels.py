"""`run --filters`: the kernels of a net as pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

np = pytest.importorskip("numpy")
from PIL import Image  # noqa: E402

from cnnspec.run import scales  # noqa: E402
from cnnspec.run.kernels import sheet_of  # noqa: E402
from cnnspec.run.sheets import GAP, LINE, TITLE, draw_sheet  # noqa: E402
from tests.run.calling import SPECS, noise, run, save  # noqa: E402

TOP = GAP + TITLE + LINE + GAP  # where pictures begin
BLUE, WHITE, VERMILION = [0, 114, 178], [255, 255, 255], [168, 67, 0]


def drawn(values: Any) -> Any:
    """The pixels of a weight's sheet, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(draw_sheet(sheet_of("conv1.weight", np.asarray(values, float))))))


def test_a_kernel_of_one_channel_is_white_at_zero() -> None:
    sobel = drawn([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    side = 400 // 3
    middles = sobel[TOP + side // 2 :: side, GAP + side // 2 :: side][:3, :3]
    assert middles[1].tolist() == [BLUE, WHITE, VERMILION]
    np.testing.assert_allclose(middles[0, 0], np.mean([BLUE, WHITE], axis=0), atol=2)
    assert (middles[:, 1] == 255).all()


def test_kernels_of_three_channels_are_in_colour() -> None:
    """A filter that looks for red: its range is its own, middle grey is 0."""
    red = np.zeros((2, 3, 1, 2))
    red[0, 0, 0, 1], red[0, 1:, 0, 1], red[1] = 0.1, -0.1, 100
    first, second = scales.tints(red)
    assert first[0, 1].tolist() == [255, 0, 0] and first[0, 0].tolist() in ([127] * 3, [128] * 3)
    assert (second == 255).all()
    image = drawn(red)
    assert image[TOP + 9, GAP + 390].tolist() == [255, 0, 0]


def test_notes_say_what_is_shown() -> None:
    notes = []
    for shape in ((6, 1, 5, 5), (96, 3, 11, 11), (16, 6, 5, 5), (64, 256, 1, 1), (120, 500)):
        made = sheet_of("w", np.ones(shape))
        notes.append((made.title, made.note, len(made.cells)))
    assert notes == [
        ("w: 6x1x5x5", "6 filters, each in its own range; from 1 to 1", 6),
        ("w: 96x3x11x11", "the first 64 of 96 filters, each in its own range, grey is 0; from 1 to 1", 64),
        (
            "w: 16x6x5x5",
            "the first 8 of 16 filters down, 6 channels across, each row in its own range; from 1 to 1",
            48,
        ),
        ("w: 64x256x1x1", "64 filters down, 256 channels across; from 1 to 1", 1),
        ("w: 120x500", "120 units down, the first 400 of 500 features across; from 1 to 1", 1),
    ]


def test_a_folder_of_all_kernels(tmp_path: Path) -> None:
    """Without an image, of two inputs; a shared layer's once, a transposed one's filters first."""
    spec = tmp_path / "n.cnn"
    spec.write_text(
        "net N {\na: input 1@8x8\nb: input 1@8x8\nfrom a\nc: conv 4@3x3, n: batchnorm\n"
        "t: convtranspose 2@2x2 stride=2, flatten, f: linear 3\nfrom b\nagain c\noutput f\n}\n"
    )
    called = run(spec, "--filters", tmp_path / "k")
    assert called.code == 0 and called.out == "" and "the weights are random" in called.err
    names = sorted(path.name for path in (tmp_path / "k").iterdir())
    assert names == ["000-c.weight.png", "001-t.weight.png", "002-f.weight.png", "index.html"]
    text = (tmp_path / "k" / "index.html").read_text("utf-8")
    root = ElementTree.fromstring(text)
    html = "{http://www.w3.org/1999/xhtml}"
    assert [image.attrib["src"] for image in root.iter(f"{html}img")] == names[:3]
    assert [caption.text for caption in root.iter(f"{html}figcaption")] == [
        "c.weight: 4x1x3x3",
        "t.weight: 2x4x2x2",
        "f.weight: 3x288",
    ]


def test_a_net_without_kernels(tmp_path: Path) -> None:
    (tmp_path / "n.cnn").write_text("net N { input 1@8x8\n relu }")
    called = run(tmp_path / "n.cnn", "--filters", tmp_path / "k")
    assert (called.code, called.err) == (2, "cnnspec: the net has no kernels to show\n")
    assert not (tmp_path / "k").exists()


@pytest.mark.slow
def test_kernels_beside_images_and_files_that_are_not_ours(tmp_path: Path) -> None:
    image = save(tmp_path / "x.png", noise(8, 8))
    called = run(SPECS / "digits.cnn", image, "--filters", tmp_path / "k", "--top", 1)
    assert called.code == 0 and "class " in called.out
    save(tmp_path / "k" / "000-conv1.weight.png", noise(2, 2))
    called = run(SPECS / "digits.cnn", image, "--filters", tmp_path / "k")
    assert called.code == 2 and "--force" in called.err and "class " in called.out


def test_without_an_image_nothing_else_is_done() -> None:
    called = run(SPECS / "digits.cnn")
    assert called.code == 2 and "Missing argument 'IMAGE…'" in called.err
