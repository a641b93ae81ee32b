"""The site in a browser: from a sub-path of a host, in the light and in the dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from tests.draw.browser import BROWSER, DRIVER, Browser, browser
from tests.live.host import hosted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (DRIVER and BROWSER), reason="needs chromium and chromedriver"),
    pytest.mark.xdist_group("browser"),
]

PAGES = (
    "index.html",
    "zoo/index.html",
    "zoo/unet/UNet.html",
    "zoo/blocks/residual.html",
    "language.html",
    "tutorial.html",
    "faults/index.html",
    "faults/E0410.html",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a site that a host has in a folder."""
    root = tmp_path_factory.mktemp("host")
    site = root / "some" / "folder"
    result = CliRunner().invoke(main, ["site", str(site), "--only", "UNet", "--only", "LeNet5"])
    assert result.exit_code == 0, result.output
    with hosted(root) as host:
        yield f"{host}/some/folder/"


@pytest.fixture(scope="module")
def reader() -> Iterator[Browser]:
    with browser() as found:
        yield found


LOOK = """
const asked = [...document.images].map((image) => { image.loading = "eager"; return image.decode(); });
Promise.allSettled(asked).then((all) => done({
  broken: all.filter((each) => each.status === "rejected").length,
  images: document.images.length,
  over: document.documentElement.scrollWidth - innerWidth,
  paper: getComputedStyle(document.body).backgroundColor,
}));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_pages_fit_and_load_all_that_they_show(
    address: str, reader: Browser, width: int, scheme: str
) -> None:
    reader.size(width, 900, mobile=width < 500)
    reader.prefer(prefers_color_scheme=scheme)
    images = 0
    for page in PAGES:
        reader.ask("POST", "/url", {"url": address + page})
        seen = reader.wait(LOOK)
        assert (seen["broken"], seen["over"]) == (0, 0), page
        assert seen["paper"] == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
        images += seen["images"]
    assert images > 8 and reader.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(address: str, reader: Browser, scheme: str) -> None:
    spec = find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    axe = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    reader.prefer(prefers_color_scheme=scheme)
    for page in ("index.html", "zoo/unet/UNet.html", "tutorial.html"):
        reader.ask("POST", "/url", {"url": address + page})
        reader.run(axe)
        found: list[dict[str, Any]] = reader.wait("axe.run().then((result) => done(result.violations))")
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in serious] == [], page


def test_one_goes_from_page_to_page(address: str, reader: Browser) -> None:
    reader.size(1300, 900)
    reader.ask("POST", "/url", {"url": f"{address}index.html"})
    for selector in ("header nav a", 'a[href="unet/UNet.html"]', "header .brand", "figcaption a"):
        reader.click(selector)
    assert reader.run("return [location.href, document.title]") == [
        f"{address}zoo/lenet/LeNet5.html",
        "LeNet5 · cnnspec",
    ]
