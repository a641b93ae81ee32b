"""report.html in a headless Chromium: light and dark, wide and narrow. Skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")
from cnnspec.train.report import write
from tests.draw.browser import BROWSER, DRIVER, Browser, browser
from tests.train.runs import NASTY, predictions, run_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with long names, which has all kinds of parts."""
    names = [
        "cat",
        NASTY,
        "a class whose name is much longer than any column that is to hold it",
        *"abcdefghi",
    ]
    labels = [place % 12 for place in range(60)]
    said = [label if place % 5 else (label + 1) % 12 for place, label in enumerate(labels)]
    folder = run_folder(
        tmp_path_factory.mktemp("run") / "r", names, predictions(labels, said, 12), data=NASTY
    )
    write(folder)
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_the_page_fits_and_nobody_complains(chromium: Browser, page: Path, scheme: str, width: int) -> None:
    spec = find_spec("axe_core_python")
    assert spec is not None and spec.origin is not None
    chromium.prefer(prefers_color_scheme=scheme)
    chromium.size(width, 900, mobile=width < 500)
    chromium.open(page)
    assert chromium.run("return document.documentElement.scrollWidth") <= width
    hues = "return ['body', 'h1'].map((e) => getComputedStyle(document.querySelector(e)))"
    paper, ink = chromium.run(
        f"{hues}.map((s, i) => (i ? s.color : s.backgroundColor).match(/\\d+/g).map(Number))"
    )
    assert (max(paper) < 60 and min(ink) > 200) if scheme == "dark" else (min(paper) > 230 and max(ink) < 60)
    broken = "return [...document.images].filter((i) => !i.complete || !i.naturalWidth).length"
    assert chromium.run(broken) == 0 and chromium.run("return document.images.length") > 20
    assert chromium.complaints() == []
    chromium.run(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = chromium.wait("axe.run().then((result) => done(result.violations))")
    assert [
        (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")
    ] == []
