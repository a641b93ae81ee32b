"""The emitted edges net turns a real photograph into its edge image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

Emitted = Callable[..., Any]


@pytest.fixture(scope="module")
def photograph() -> Any:
    """A temple before mountains, 427x640, channels first, from 0 to 1."""
    datasets = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("PIL")
    return datasets.load_sample_image("china.jpg").transpose(2, 0, 1).astype(np.float32) / 255


def sobel(image: Any) -> Any:
    """|dx| + |dy| of the grey and smoothed image, by shifted sums: no convolution, no kernel."""
    grey = np.pad(image.astype(np.float64).mean(axis=0), 1, mode="edge")
    rows = grey[:-2] + 2 * grey[1:-1] + grey[2:]
    smooth = np.pad((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16, 1, mode="edge")
    down = smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]
    along = smooth[:, :-2] + 2 * smooth[:, 1:-1] + smooth[:, 2:]
    return abs(down[:, 2:] - down[:, :-2]) + abs(along[2:] - along[:-2])


def edges(emitted: Emitted, image: Any) -> Any:
    channels, height, width = image.shape
    model = emitted("Edges", {"channels": channels}, f"{channels}@{height}x{width}")().eval()
    return model(torch.tensor(image)[None])[0, 0].numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photograph_becomes_its_edges(channels: int, emitted: Emitted, photograph: Any) -> None:
    image = photograph if channels == 3 else photograph.mean(axis=0, keepdims=True)
    found = edges(emitted, image)
    assert found.shape == (427, 640)
    np.testing.assert_allclose(found, sobel(image), atol=1e-5)
    # Ink where edges are: the sky and the mist are blank, the temple's roof is not.
    assert found[:60, 300:].mean() < 0.1 < found.mean() < found[200:300, 100:300].mean()


def test_edges_lie_where_the_picture_changes(emitted: Emitted) -> None:
    """A white square on black: ink at its outline alone, and none at the picture's own border."""
    image = np.zeros((1, 32, 32), np.float32)
    image[0, 8:24, 8:24] = 1
    found = edges(emitted, image)
    inside, outside = found[11:21, 11:21], np.delete(np.delete(found, range(6, 26), 0), range(6, 26), 1)
    assert found[7:9, 12:20].min() > 1 and found[12:20, 23:25].min() > 1
    assert not inside.any() and not outside.any()
    assert not edges(emitted, np.ones((1, 32, 32), np.float32)).any()


def test_blur(emitted: Emitted, photograph: Any) -> None:
    """Every pixel becomes a weighted mean of its neighbours: the light stays, the contrast falls."""
    found = emitted("Blur")()(torch.tensor(photograph)[None])[0].numpy()
    padded = np.pad(photograph.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    np.testing.assert_allclose(found, (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16, atol=1e-6)
    assert abs(found.mean() - photograph.mean()) < 1e-3
    assert abs(np.diff(found)).mean() < 0.8 * abs(np.diff(photograph)).mean()


def test_the_edge_image_can_be_saved(emitted: Emitted, photograph: Any, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    found = edges(emitted, photograph)
    ink = (255 * (1 - np.clip(found, 0, 1))).astype(np.uint8)
    image.fromarray(ink).save(tmp_path / "edges.png")
    assert image.open(tmp_path / "edges.png").size == (640, 427)
