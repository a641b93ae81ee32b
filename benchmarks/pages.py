"""The pages in a headless Chromium, as one who types waits for them: `serve`, and the playground of `site`.

    python -m benchmarks.pages

Needs chromium and chromedriver; for the playground also what npm makes (see the README).
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.timing import Row, table
from cnnspec.live.serve.folder import ServedFolder
from cnnspec.live.serve.server import PageServer
from cnnspec.live.site.playground import PAGE, modules, playground
from cnnspec.text import shipped
from tests.draw.browser import Browser, browser
from tests.live.editor import replace, until
from tests.live.host import hosted

KEYS = 7
REST = 1.5  # seconds after which nothing is under way any more

# When a size and a picture are there, in milliseconds since the last key.
WATCH = """
window.seen = {};
const since = () => performance.now() - seen.key;
document.addEventListener('keydown', () => { seen.key = performance.now(); }, true);
document.getElementById('image').addEventListener('load', () => { seen.picture = since(); });
const desk = document.getElementById('desk');
const root = desk.shadowRoot || desk;
const look = () => {
    const sizes = [...root.querySelectorAll('.size')].map((each) => each.textContent);
    if (!seen.size && sizes.some((each) => each.includes(arguments[0]))) seen.size = since();
    requestAnimationFrame(look);
};
look();
"""


def keystrokes(reader: Browser, old: str, key: str, made: str, whole: str, size: str) -> dict[str, float]:
    """Medians in milliseconds from a key, typed over `old`, to the size behind its line and to the picture.

    `made` then stands where `whole` stood.
    """
    reader.run(WATCH, size)
    found: dict[str, list[float]] = {"size": [], "picture": []}
    for _ in range(KEYS):
        reader.run("seen = {}")
        replace(reader, old, key)
        time.sleep(REST)
        for name, times in found.items():
            times.append(reader.run("return seen[arguments[0]]", name))
        replace(reader, made, whole)
        time.sleep(REST)
    return {name: median(times) for name, times in found.items()}


@contextmanager
def served(folder: Path, name: str) -> Iterator[str]:
    """The address of the page of `cnnspec serve`."""
    with PageServer(ServedFolder(folder), name) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.address
        server.shutdown()


def rows_of_serve(reader: Browser, folder: Path) -> Iterator[Row]:
    text = shipped.text("resnet").replace("conv1: conv 64@", "conv1: conv 777@")
    (folder / "resnet.cnn").write_text(text)
    with served(folder, "resnet.cnn") as address:
        reader.ask("POST", "/url", {"url": address})
        until(reader, "return document.getElementById('image').naturalWidth > 0")
        found = keystrokes(reader, "777", "8", "8@7x7", "777@7x7", "8@112x112")
        reader.ask("POST", "/url", {"url": "about:blank"})
    yield Row("serve, ResNet-50: a key to its sizes", "60 ms", f"{found['size']:.0f} ms")
    yield Row("to its picture", "300 ms", f"{found['picture']:.0f} ms")


def rows_of_playground(reader: Browser, folder: Path) -> Iterator[Row]:
    made = modules()
    if made is None:
        return
    for path, content in playground(made):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with hosted(folder) as host:
        for _ in range(2):
            began = time.perf_counter()
            reader.ask("POST", "/url", {"url": f"{host}/{PAGE}"})
            until(reader, "return document.getElementById('facts').textContent.includes('61,706 parameters')")
            seconds = time.perf_counter() - began
        found = keystrokes(reader, "84", "9", "linear 9,", "linear 84,", "→ 9")
        reader.ask("POST", "/url", {"url": "about:blank"})
    yield Row("playground, ready on a second visit", "5 s", f"{seconds:.1f} s")
    yield Row("playground, LeNet: a key to its sizes", "100 ms", f"{found['size']:.0f} ms")


def main() -> None:
    with browser() as reader, tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        reader.size(1300, 900)
        found = [*rows_of_serve(reader, Path(one)), *rows_of_playground(reader, Path(other))]
    print(table("Pages", found))


if __name__ == "__main__":
    main()
