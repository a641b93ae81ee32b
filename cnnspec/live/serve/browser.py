"""The page's engine where a browser runs Python: it answers what a server would, from the shipped files."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from cnnspec.draw.graph.graphviz_engine import DrawProblem, Engine
from cnnspec.live.serve.desk import Desk, parse_question
from cnnspec.text.shipped import source_of


class AtOnce(Executor):
    """Computes what is submitted before it returns: a browser has no threads for Python."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Browser:
    """Answers the page, its pictures drawn by the Graphviz that `render` is."""

    def __init__(self, render: Engine) -> None:
        def draw(source: str) -> str:
            try:
                return str(render(source))
            except Exception as problem:  # of another language, and of no common name
                raise DrawProblem(f"the picture is too large for a browser: {problem}") from None

        self.desk = Desk("", AtOnce(), lambda: draw)

    def answer(self, what: str, asked: str) -> str:
        """The answer to a question by its name, both in JSON."""
        found = json.loads(asked)
        if what == "zoo":
            return json.dumps({"text": source_of(found["net"]).text})
        return json.dumps(self.desk.answers[what](parse_question(found)))
