"""The page of `cnnspec serve` in a headless Chromium: typed at and clicked. Skipped where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnspec.live.serve import page as serve_page
from cnnspec.live.serve.folder import ServedFolder
from cnnspec.live.serve.server import PageServer
from tests.draw.browser import BROWSER, DRIVER, Browser, browser
from tests.live.editor import HELP, has, replace, text, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
    pytest.mark.xdist_group("browser"),
]

NET = "net N {\n    input 1@28x28\n    conv 6@5x5, relu\n    maxpool 2x2\n}\n"
EDITORS = ["plain", "bundled"] if serve_page.BUNDLE.is_file() else ["plain"]
both = pytest.mark.parametrize("page", EDITORS, indirect=True)
SAVED = has("#state", "saved") + " && document.getElementById('save').disabled"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def page(
    chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Browser]:
    """With the editor that is bundled, where it is, but for tests that ask for another."""
    if getattr(request, "param", "bundled") == "plain":
        monkeypatch.setattr(serve_page, "BUNDLE", tmp_path / "none")
    serve_page.script.cache_clear()
    serve_page.policy.cache_clear()
    (tmp_path / "net.cnn").write_text(NET)
    (tmp_path / "other.cnn").write_text(NET.replace("net N", "net Other"))
    with PageServer(ServedFolder(tmp_path), "net.cnn") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        chromium.size(1300, 900)
        chromium.ask("POST", "/url", {"url": server.address})
        until(chromium, "return document.getElementById('image').naturalWidth > 0")
        yield chromium
        chromium.ask("POST", "/url", {"url": "about:blank"})
        server.shutdown()
        thread.join()
    assert [each for each in chromium.complaints() if "409 (Conflict)" not in each] == []


@both
def test_what_is_typed_is_checked_mended_and_saved(page: Browser, tmp_path: Path) -> None:
    until(page, has(".size", "→ 6@12x12"))
    replace(page, "relu", "rleu")
    until(page, has(".behind .error, .cm-lintRange-error", "rleu"))
    until(page, has(".stale", "→ 6@12x12"))
    until(page, has("#count", "1 error"))
    until(page, has("#faults .fixes button", "did you mean `relu`?"))
    assert (tmp_path / "net.cnn").read_text() == NET
    page.click("#faults .fixes button")
    until(page, has("#count", "no faults"))
    assert text(page) == NET
    replace(page, "6@5x5", "9@5x5")
    until(page, has("#facts", "9@12x12"))
    until(page, has("#table", "9@12x12"))
    assert page.run("return document.title") == "• net.cnn"
    page.click("#save")
    until(page, SAVED)
    assert (tmp_path / "net.cnn").read_text() == NET.replace("6@5x5", "9@5x5")


def test_a_file_that_someone_else_wrote_is_kept_until_one_insists(page: Browser, tmp_path: Path) -> None:
    replace(page, "6@5x5", "9@5x5")
    (tmp_path / "net.cnn").write_text("# theirs\n")
    page.click("#save")
    until(page, has("#save", "Save anyway"))
    assert (tmp_path / "net.cnn").read_text() == "# theirs\n"
    page.click("#save")
    until(page, SAVED)
    assert (tmp_path / "net.cnn").read_text() == NET.replace("6@5x5", "9@5x5")


@both
def test_what_another_editor_writes_is_shown(page: Browser, tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text(NET.replace("6@5x5", "31@5x5"))
    until(page, has("#facts", "31@12x12"))
    replace(page, "relu", "tanh")
    (tmp_path / "net.cnn").write_text("# theirs\n")
    until(page, "return text().includes('tanh')")
    page.click("#save")  # says that it was changed: what is typed here was not lost
    until(page, has("#save", "Save anyway"))


def test_a_parameter_is_tried_and_a_used_file_is_followed(page: Browser, tmp_path: Path) -> None:
    replace(page, "net N", "net N(filters=6)")
    replace(page, "conv 6@5x5", "conv filters@5x5")
    until(page, "return document.querySelector('[name=filters]')?.placeholder === '6'")
    page.click("[name=filters]")
    page.type("17")
    until(page, has("#facts", "17@12x12"))
    until(page, has(".size", "→ 17@12x12"))
    page.type("@")
    until(page, has("#refused", "no value of the language"))
    (tmp_path / "b.cnn").write_text("block B { conv 5@3x3 }\n")
    replace(page, "maxpool 2x2", "B")
    replace(page, "net N", 'use "b.cnn"{Enter}net N')
    until(page, has("#facts", "5@22x22"))
    (tmp_path / "b.cnn").write_text("block B { conv 8@3x3 }\n")
    until(page, has("#facts", "8@22x22"))


def test_the_picture_is_saved_in_three_forms(page: Browser) -> None:
    page.run(
        "window.made = []; URL.createObjectURL = (blob) => (window.made.push(blob), 'about:blank#');"
        "HTMLAnchorElement.prototype.click = function () { window.made.push(this.download); }"
    )
    for number, form in enumerate(("svg", "png", "pdf")):
        if form != "pdf" or find_spec("svglib"):
            page.run(f"document.querySelectorAll('#figure button')[{number}].click()")
            until(page, f"return window.made.includes('N.{form}')")
            head = page.wait("window.made.at(-2).slice(0, 8).text().then(done)")
            assert {"svg": "<?xml", "png": "PNG", "pdf": "%PDF-"}[form] in head


def test_a_network_of_the_zoo_is_copied(page: Browser, tmp_path: Path) -> None:
    page.run(
        "const z = document.getElementById('zoo'); z.value = 'lenet'; z.dispatchEvent(new Event('change'))"
    )
    until(page, has("#net option", "LeNet5"))
    assert page.run("return document.title") == "• lenet.cnn" and not (tmp_path / "lenet.cnn").exists()
    page.click("#save")
    until(page, SAVED)
    assert (tmp_path / "lenet.cnn").read_text("utf-8").startswith("# LeNet-5")


def test_another_file_and_another_view(page: Browser) -> None:
    picture = "return document.getElementById('image').src"
    before = page.run(picture)
    page.click("[name=view][value=volume]")
    until(page, f"return document.getElementById('image').src !== '{before}'")
    page.run(
        "const file = document.getElementById('file'); file.value = 'other.cnn';"
        "file.dispatchEvent(new Event('change'))"
    )
    until(page, has("#net option", "Other"))
    assert page.run("return document.title") == "other.cnn"


@both
def test_markup_in_a_text_stays_text(page: Browser) -> None:
    replace(page, "relu", "<img src=x onerror=alert(1)>")
    until(page, has("#count", "error"))
    assert page.run(HELP + "return all('#desk img[src], .cm-content img[src], #faults img').length") == 0


@pytest.mark.skipif("bundled" not in EDITORS, reason="needs npm where cnnspec is installed")
def test_the_keyboard_alone_completes_mends_and_leaves(page: Browser) -> None:
    replace(page, "maxpool 2x2", "avgp")
    until(page, has(".cm-tooltip-autocomplete [aria-selected]", "avgpool"))
    time.sleep(0.2)  # a key that is hit as the list appears is none for the list
    page.type("{Enter}")
    until(page, "return text().includes('    avgpool\\n')")
    page.type(" 2x2{Enter}rleu")
    assert text(page) == NET.replace("maxpool", "avgpool").replace("2x2\n", "2x2\n    rleu\n")
    page.type("{Escape}")
    until(page, has("#faults .fixes button", "did you mean `relu`?"))
    page.type("{F8}")
    until(page, has(".cm-diagnosticAction", "did you mean `relu`?"))
    page.type("{Tab}")
    until(page, "return root.activeElement !== root.querySelector('.cm-content')")
    assert page.run(HELP + "return all('.layer, .cm-line span[class]').length > 5")  # colours


@both
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_axe_finds_nothing_serious(page: Browser, width: int, scheme: str) -> None:
    spec = find_spec("axe_core_python")
    assert spec is not None and spec.origin is not None
    page.size(width, 844, mobile=width < 600)
    page.prefer(prefers_color_scheme=scheme)
    replace(page, "relu", "rleu, dropout 0.9")
    until(page, has("#faults .fixes button", "relu"))
    page.run(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.wait("axe.run().then((result) => done(result.violations))")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
