"""A headless Chromium, led through WebDriver (W3C 2018), which is JSON over HTTP and needs no library."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that WebDriver names elements by
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowDown": "\ue015", "ArrowRight": "\ue014", "Tab": "\ue004"}
KEYS |= {"End": "\ue010", "Home": "\ue011", "F8": "\ue038"}
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
FLAGS += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Browser:
    """A session of the driver."""

    def __init__(self, address: str) -> None:
        self.address = address
        options = {"binary": BROWSER, "args": FLAGS}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.address = f"{address}/session/{made['sessionId']}"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        with urlopen(Request(self.address + path, data, method=method), timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path) -> None:
        self.ask("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a function's body returns in the page."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def wait(self, script: str, *arguments: object) -> Any:
        """As `run`, once the promise that it returns is kept."""
        body = "const done = arguments[arguments.length - 1];" + script
        return self.ask("POST", "/execute/async", {"script": body, "args": arguments})

    def find(self, selector: str) -> str:
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def click(self, selector: str) -> None:
        self.ask("POST", f"/element/{self.find(selector)}/click")

    def type(self, text: str) -> None:
        """Keys for whatever has the focus; `{Enter}` is named, as are the other KEYS."""
        for name, sign in KEYS.items():
            text = text.replace(f"{{{name}}}", sign)
        strokes = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def point(self, selector: str) -> None:
        """The mouse over the middle of an element."""
        self.drag(selector, 0, 0, button=False)

    def drag(self, selector: str, right: int, down: int, button: bool = True) -> None:
        origin = {ELEMENT: self.find(selector)}
        moves: list[dict[str, object]] = [
            {"type": "pointerMove", "origin": origin, "x": 0, "y": 0, "duration": 0}
        ]
        if button:
            moves.append({"type": "pointerDown", "button": 0})
            moves.append({"type": "pointerMove", "origin": "pointer", "x": right, "y": down, "duration": 60})
            moves.append({"type": "pointerUp", "button": 0})
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self.ask("POST", "/actions", {"actions": [mouse]})

    def size(self, width: int, height: int, mobile: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.command("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """Media features, as `prefers_color_scheme="dark"`."""
        found = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", {"features": found})

    def command(self, name: str, parameters: object) -> Any:
        return self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def screenshot(self) -> bytes:
        return base64.b64decode(self.ask("GET", "/screenshot"))

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.ask("POST", "/print", {"background": True}))

    def complaints(self) -> list[str]:
        """What the console was told since the last call."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser, as long as the context lasts."""
    assert DRIVER is not None
    driver = subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert driver.stdout is not None
        found = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
        port = next(match.group(1) for match in found if match)
        made = Browser(f"http://127.0.0.1:{port}")
        try:
            yield made
        finally:
            made.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait()
