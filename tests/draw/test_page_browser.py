"""The page in a headless Chromium: clicked, typed at, printed. Skipped where there is none."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from cnnspec.compiler import check_text
from cnnspec.draw.look import Look
from cnnspec.draw.page.document import page
from tests.draw.browser import BROWSER, DRIVER, Browser, browser
from tests.draw.nets import shipped
from tests.draw.test_page import FAULTY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.xdist_group("browser"),
]

SHOWN = "return [...document.querySelectorAll(arguments[0] + '.shown')].map((e) => e.textContent.trim())"
TOLD = "return document.getElementById('told').textContent"
VIEWBOX = (
    "return document.querySelector('.level:not([hidden]) svg').getAttribute('viewBox').split(' ').map(Number)"
)
INK = "return document.getElementById('volumes').toDataURL()"
WATCH = """
const pen = CanvasRenderingContext2D.prototype, paths = [], fill = pen.fill;
window.labels = [];
pen.fill = function (path) { paths.push(path); fill.call(this, path); };
pen.fillText = function (text, x, y) {
  const covers = (path) => [y - 9, y].some((at) => this.isPointInPath(path, x, at));
  window.labels.push([text, paths.some(covers)]);
};
"""
SAVED = """
HTMLAnchorElement.prototype.click = function () { done([this.download, this.href]); };
document.querySelector(`[data-save="${arguments[0]}"]`).click();
"""
FRAME = "requestAnimationFrame(() => requestAnimationFrame(() => done()))"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    where = tmp_path_factory.mktemp("pages")
    made = {"lenet": shipped("lenet")[0], "resnet": shipped("resnet", "ResNet18")[0]}
    for name, net in made.items():
        (where / f"{name}.html").write_text(page(net, Look()), encoding="utf-8")
    checked = check_text(FAULTY, "net.cnn")
    faulty = page(checked.partial[0], Look(), checked.diagnostics)
    (where / "faulty.html").write_text(faulty, encoding="utf-8")
    return {path.stem: path for path in where.iterdir()}


@pytest.fixture
def lenet(chromium: Browser, pages: dict[str, Path]) -> Iterator[Browser]:
    yield from opened(chromium, pages["lenet"])


@pytest.fixture
def resnet(chromium: Browser, pages: dict[str, Path]) -> Iterator[Browser]:
    yield from opened(chromium, pages["resnet"])


def opened(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page afresh, without motion; the console has to stay silent."""
    chromium.prefer(prefers_reduced_motion="reduce", prefers_color_scheme="light")
    chromium.size(1280, 800)
    chromium.open(page)
    yield chromium
    assert chromium.complaints() == []


@pytest.mark.slow
def test_a_box_shows_its_lines_and_its_numbers(lenet: Browser) -> None:
    lenet.click('.level:not([hidden]) .box[aria-label^="conv 6@5x5"]')
    assert lenet.run(SHOWN, ".line") == ["conv 6@5x5 pad=2, tanh          -> 6@28x28"]
    told = lenet.run(TOLD)
    for words in ("(28 + 2*2 - 5)//1 + 1 = 28", "weight 6x1x5x5 = 150", "117,600", "lenet.cnn:5", "conv1"):
        assert words in told
    lenet.type("{Escape}")
    assert lenet.run(SHOWN, ".line") == []


def test_a_box_at_the_edge_is_shown_when_clicked(resnet: Browser) -> None:
    resnet.size(390, 844, mobile=True)
    resnet.click('.level:not([hidden]) .box[aria-label^="maxpool"]')
    (shown,) = resnet.run(SHOWN, ".line")
    assert shown.split() == ["maxpool", "3x3", "stride=2", "pad=1", "->", "64@56x56"]


def test_a_line_shows_its_boxes(lenet: Browser) -> None:
    lenet.point(".line[data-layers='7']")
    assert lenet.run(SHOWN, ".level:not([hidden]) .box") == ["flatten"]
    lenet.point("h1")
    assert lenet.run(SHOWN, ".box") == []


def test_a_line_of_a_block_shows_all_its_copies(resnet: Browser) -> None:
    resnet.run("document.querySelectorAll('.code')[1].querySelector('.line').focus()")
    assert len(resnet.run(SHOWN, ".level:not([hidden]) .box")) > 4
    assert "8 layers" in resnet.run(TOLD)


def test_arrow_keys_lead_from_box_to_box(lenet: Browser) -> None:
    lenet.run("document.querySelector('.level:not([hidden]) .box').focus()")
    lenet.type("{ArrowDown}{ArrowRight}")
    focus = "return document.activeElement.getAttribute('aria-label')"
    assert lenet.run(focus).startswith("avgpool")
    assert "avgpool 2x2" in lenet.run(SHOWN, ".line")[0]
    lenet.type("{End}")
    assert lenet.run(focus) == "output"
    stops = "return document.querySelectorAll('.level:not([hidden]) .box[tabindex=\"0\"]').length"
    assert lenet.run(stops) == 1


def test_a_search_finds_and_enter_leads_through(resnet: Browser) -> None:
    resnet.type("/512 conv")
    assert resnet.run("return document.activeElement.id") == "query"
    assert resnet.run("return document.getElementById('found').textContent") == "5 of 70 layers"
    resnet.type("{Enter}")
    assert resnet.run("return document.getElementById('found').textContent").startswith("1 of ")
    assert "conv 512@3x3" in resnet.run(TOLD)
    box = resnet.run(
        "const [box, all] = ['.box.shown', ''].map((s) => document.querySelector('.level:not([hidden]) ' + s)"
        ".getBoundingClientRect()); return [box.left, box.right, box.top, box.bottom]"
    )
    assert 0 < box[0] < box[1] < 1280
    assert 0 < box[2] < box[3] < 800
    resnet.type("{Escape}")
    assert resnet.run("return document.querySelectorAll('.hit').length") == 0


def test_a_fault_is_told_and_leads_to_its_line(chromium: Browser, pages: dict[str, Path]) -> None:
    for made in opened(chromium, pages["faulty"]):
        made.click("#faults a")
        assert made.run("return location.hash") == "#fault0"
        made.click('.level:not([hidden]) .box[aria-label^="rleu"]')
        assert made.run(SHOWN, ".line") == ["rleu, tanh"]
        made.click("#space-tab")
        made.wait(FRAME)
        blank = "return document.createElement('canvas').toDataURL()"
        assert len(made.run(INK)) > 10 * len(made.run(blank))


def test_levels_of_detail(resnet: Browser) -> None:
    boxes = "return document.querySelectorAll('.level:not([hidden]) .box').length"
    counts = {}
    for detail in ("full", "fused", "folded"):
        resnet.click(f'[name="detail"][value="{detail}"] + span')
        counts[detail] = resnet.run(boxes)
    assert counts["full"] > counts["fused"] > counts["folded"]
    assert counts["full"] == 71


def test_dragging_pans_and_keys_zoom(lenet: Browser) -> None:
    before = lenet.run(VIEWBOX)
    lenet.drag(".level:not([hidden])", 80, 40)
    moved = lenet.run(VIEWBOX)
    assert moved[0] < before[0]
    assert moved[1] < before[1]
    assert moved[2:] == before[2:]
    lenet.point("h1")
    assert lenet.run(SHOWN, ".box") == []
    lenet.type("+")
    assert lenet.run(VIEWBOX)[2] < moved[2]
    lenet.type("0")
    assert lenet.run(VIEWBOX)[2] > moved[2] / 2


def test_volumes_turn_by_keys_and_by_dragging_and_show_their_layers(lenet: Browser) -> None:
    lenet.click("#space-tab")
    lenet.wait(FRAME)
    seen = [lenet.run(INK)]
    lenet.run("document.getElementById('volumes').focus()")
    for act in (
        lambda: lenet.type("{ArrowRight}"),
        lambda: lenet.drag("#volumes", 90, 20),
        lambda: lenet.type("+"),
    ):
        act()
        lenet.wait(FRAME)
        seen.append(lenet.run(INK))
    assert len(set(seen)) == 4
    lenet.type("0")
    lenet.wait(FRAME)
    lenet.click("#volumes")
    assert lenet.run(SHOWN, ".line")


def test_labels_of_volumes_stand_on_none(resnet: Browser) -> None:
    resnet.run(WATCH)
    resnet.click("#space-tab")
    resnet.wait(FRAME)
    labels = resnet.run("return window.labels")
    assert len(labels) > 10
    assert not [text for text, covered in labels if covered]


def test_the_table_sorts_and_points_at_the_rest(lenet: Browser) -> None:
    lenet.click("#table-tab")
    first = "return document.querySelector('tbody tr').cells[1].textContent"
    lenet.click("thead th:nth-child(5) button")
    assert lenet.run("return document.querySelector('thead th:nth-child(5)').ariaSort") == "ascending"
    lenet.click("thead th:nth-child(5) button")
    assert lenet.run(first) == "linear1"
    lenet.click("tbody tr")
    assert lenet.run(SHOWN, ".line") == ["linear 120, tanh"]
    lenet.type("{ArrowDown}")
    assert lenet.run(SHOWN, ".line") == ["linear 84, tanh"]


def test_the_figure_is_saved_whole_in_the_colours_of_its_theme(lenet: Browser) -> None:
    lenet.click('[name="theme"][value="dark"] + span')
    lenet.click(".box")
    name, address = lenet.wait(SAVED, "svg")
    assert name == "LeNet5.svg"
    figure = ElementTree.fromstring(unquote(address.removeprefix("data:image/svg+xml,")))
    assert figure[0].attrib["fill"] == "rgb(20, 23, 28)"
    assert "var(" not in address and "shown" not in address
    name, address = lenet.wait(SAVED, "png")
    assert name == "LeNet5.png"
    width = int.from_bytes(b64decode(address.removeprefix("data:image/png;base64,"))[16:20])
    assert width == round(3 * float(figure.attrib["width"].removesuffix("pt")))


def test_panes_are_resized_by_mouse_and_by_keys(lenet: Browser) -> None:
    size = "const s = document.getElementById('source'); return [s.offsetWidth, s.offsetHeight]"
    width, height = lenet.run(size)
    lenet.drag("#side-bar", 100, 0)
    lenet.drag("#top-bar", 0, -60)
    assert lenet.run(size) == pytest.approx([width + 100, height - 60], abs=6)
    lenet.run("document.getElementById('side-bar').focus()")
    lenet.type("{ArrowRight}")
    assert lenet.run(size)[0] == pytest.approx(width + 120, abs=6)
    fits = "const pane = document.getElementById('source'); return pane.scrollWidth <= pane.clientWidth"
    lenet.run("document.querySelector('main').style.setProperty('--side', '200px')")
    assert lenet.run(fits), "lines are wrapped"


def test_a_table_that_goes_on_to_the_right_shows_it(lenet: Browser) -> None:
    lenet.click("#table-tab")
    more = "return document.getElementById('table').classList.contains('more')"
    assert not lenet.run(more)
    lenet.size(390, 844, mobile=True)
    lenet.wait(FRAME)
    assert lenet.run(more)
    lenet.run("document.getElementById('table').scrollLeft = 9999")
    lenet.wait(FRAME)
    assert not lenet.run(more)


def test_dark_by_preference_and_by_switch(lenet: Browser) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert lenet.run(paper) == "rgb(255, 255, 255)"
    lenet.prefer(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
    dark = lenet.run(paper)
    assert dark != "rgb(255, 255, 255)"
    lenet.click('[name="theme"][value="light"] + span')
    assert lenet.run(paper) == "rgb(255, 255, 255)"
    lenet.click('[name="theme"][value="dark"] + span')
    assert lenet.run(paper) == dark
    fill = "return getComputedStyle(document.querySelector('.box > path, .box > polygon')).fill"
    assert lenet.run(fill) == dark


def test_a_narrow_page_needs_no_scrolling_to_the_side(lenet: Browser) -> None:
    lenet.size(390, 844, mobile=True)
    assert lenet.run("return document.documentElement.scrollWidth") == 390


def test_it_prints(resnet: Browser) -> None:
    printed = resnet.printed()
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["graph-tab", "space-tab", "table-tab"])
def test_axe_finds_nothing_serious(resnet: Browser, tab: str, scheme: str) -> None:
    spec = find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    resnet.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    resnet.click(f"#{tab}")
    if tab == "graph-tab":
        resnet.click(".level:not([hidden]) .box")
    resnet.run(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = resnet.wait("axe.run().then((result) => done(result.violations))")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
