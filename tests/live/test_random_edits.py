"""Random edits, and after each every request at a random place: none fails inside.

`CNNSPEC_LONG=1` makes 10,000 edits.
"""

from __future__ import annotations

import io
import os
import random
from pathlib import Path
from typing import Any

import pytest

from cnnspec.live.lsp.server import REQUESTS, LanguageServer
from cnnspec.live.lsp.wire import Problem
from tests.live.edits import edit

pytestmark = pytest.mark.slow

SPECS = Path(__file__).parents[2] / "specs"
EDITS = 10_000 if "CNNSPEC_LONG" in os.environ else 120
SHARDS = 20 if "CNNSPEC_LONG" in os.environ else 3
NAMES = ("resnet", "lenet", "unet", "siamese", "googlenet", "shufflenet_v2", "deeplab")


class Silent(LanguageServer):
    """A server without a connection; what fails inside is raised."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), io.BytesIO())
        self.answer("initialize", {"capabilities": {}})

    def log(self, failure: Exception) -> None:
        raise failure


def place(text: str, chance: random.Random) -> dict[str, int]:
    return {"line": chance.randrange(text.count("\n") + 3), "character": chance.randrange(60)}


def parameters(server: LanguageServer, uri: str, text: str, chance: random.Random) -> dict[str, Any]:
    """Parameters that all requests find theirs among."""
    return {
        "textDocument": {"uri": uri},
        "position": place(text, chance),
        "range": {"start": place(text, chance), "end": place(text, chance)},
        "context": {"diagnostics": []},
        "newName": chance.choice(("conv", "wide", "B", "1")),
        "query": "res",
        "command": "cnnspec.view",
        "arguments": [uri, chance.choice(("ResNet18", "B", "nothing"))],
        "options": {},
    }


def test_a_search_for_fixes_gives_way_to_a_change() -> None:
    server, uri = Silent(), "file:///w/net.cnn"
    item = {"uri": uri, "version": 1, "text": "net A { input 1@8x8, rleu }\n"}
    server.notice("textDocument/didOpen", {"textDocument": item})
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": ""}]}
    server.inbox.put({"method": "textDocument/didChange", "params": change})
    asked = parameters(server, uri, str(item["text"]), random.Random(0))
    asked["range"] = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
    server.take({"id": 1, "method": "textDocument/codeAction", "params": asked})
    assert isinstance(server.outgoing, io.BytesIO)
    assert b'"id":1,"error":{"code":-32801' in server.outgoing.getvalue()
    server.inbox.get()
    server.take({"id": 2, "method": "textDocument/codeAction", "params": asked})
    assert b"did you mean relu" in server.outgoing.getvalue()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_request_fails_inside(shard: int) -> None:
    chance = random.Random(shard)
    server = Silent()
    for _ in range(EDITS // SHARDS // 20):
        path = SPECS / f"{chance.choice(NAMES)}.cnn"
        uri, text = path.as_uri(), path.read_text("utf-8")
        server.notice("textDocument/didOpen", {"textDocument": {"uri": uri, "version": 0, "text": text}})
        for version in range(20):
            text = edit(text, chance)
            item = {"uri": uri, "version": version}
            change = {"textDocument": item, "contentChanges": [{"text": text}]}
            server.notice("textDocument/didChange", change)
            for method in chance.sample([*REQUESTS], 4):
                try:
                    server.answer(method, parameters(server, uri, text, chance))
                except Problem as problem:  # a rename that is refused
                    assert problem.code == -32803, (method, problem, text)
            while chance.random() < 0.3 and server.use_time():
                pass
