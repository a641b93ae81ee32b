"""The language server over standard input and output, as a client waits for it.

    python -m benchmarks.language_server

The client here takes answers as bytes, so that what is measured is the server; each change is typed into the
middle of the file, one a quarter of a second, as fast as people type.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, Taken, table

ROOT = Path(__file__).parents[1]
CHANGES = 40
STARTS = 10
PAUSE = 0.25


class Client:
    """Speaks to a server that it starts."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cnnspec", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        self.number = 0
        self.ask("initialize", {"capabilities": {}})
        self.send({"method": "initialized", "params": {}})

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        out = self.process.stdout
        assert out is not None
        length = int(out.readline().split(b":")[1])
        out.readline()
        found: dict[str, Any] = json.loads(out.read(length))
        return found

    def ask(self, method: str, params: Any) -> Any:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.number:
            pass
        return message["result"]

    def until_told(self, version: int) -> None:
        while self.receive().get("params", {}).get("version") != version:
            pass

    def end(self) -> None:
        self.ask("shutdown", None)
        self.send({"method": "exit"})
        self.process.wait()


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def starts() -> Taken:
    """From the start of the process to its answer to `initialize`."""
    taken = []
    for _ in range(STARTS):
        began = time.perf_counter()
        client = Client()
        taken.append(time.perf_counter() - began)
        client.end()
    return Taken(tuple(taken))


def typed(name: str) -> tuple[Taken, Taken]:
    """From a change to the diagnostics of it, and from a request to what may be written there."""
    client = Client()
    path = ROOT / "specs" / f"{name}.cnn"
    uri, text = path.as_uri(), path.read_text("utf-8")
    item = {"uri": uri, "languageId": "cnnspec", "version": 0, "text": text}
    client.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    client.until_told(0)
    line = text[: text.index("conv")].count("\n")
    column = text.splitlines()[line].index("conv")
    changes, completions = [], []
    for version in range(1, CHANGES + 1):
        time.sleep(PAUSE)
        start = {"line": line, "character": column}
        end = {"line": line, "character": column + (0 if version % 2 else len("relu6, "))}
        change = {"range": {"start": start, "end": end}, "text": "relu6, " if version % 2 else ""}
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}

        def tell(params: Any = params, version: int = version) -> None:
            client.send({"method": "textDocument/didChange", "params": params})
            client.until_told(version)

        changes.append(seconds(tell))
        place = {"textDocument": {"uri": uri}, "position": start}
        completions.append(seconds(lambda place=place: client.ask("textDocument/completion", place)))
    client.end()
    return Taken(tuple(changes)), Taken(tuple(completions))


def rows() -> list[Row]:
    found = [Row("start to the answer of `initialize`", "≤ 0.6 s", f"{starts().median:.2f} s")]
    for name, bound in (("lenet", 15), ("resnet", 50)):
        changes, completions = typed(name)
        what = f"{name}.cnn, a change to its diagnostics"
        taken = f"{changes.median * 1000:.1f} ms (90th percentile {changes.ninetieth * 1000:.1f})"
        found.append(Row(what, f"≤ {bound} ms", taken))
        found.append(Row(f"{name}.cnn, completion", "≤ 30 ms", f"{completions.median * 1000:.1f} ms"))
    return found


def main() -> None:
    print(table("Language server", rows()))


if __name__ == "__main__":
    main()
