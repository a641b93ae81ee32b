"""The client's messages: read by a thread, answered one by one, and what is sent on one's own account.

The thread reads so that work that may wait is left as soon as there is a message. A fault inside answers one
request with an error, and the next message is taken.
"""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnspec.live.answers.fixes import Interrupted
from cnnspec.live.lsp import wire
from cnnspec.live.lsp.convert import Json


class Connection(ABC):
    """JSON-RPC with one client; who is at this end says what is answered."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.cancelled: set[Any] = set()  # the requests whose answers nobody wants
        self.asked = 0  # requests to the client
        self.ended = False

    @abstractmethod
    def answer(self, method: str, params: Any) -> Any:
        """The result of a request. Raises Problem, and whatever goes wrong."""

    @abstractmethod
    def notice(self, method: str, params: Any) -> None:
        """Take a notification."""

    def listen(self) -> None:
        """Read messages as they come, in a thread of its own."""
        while True:
            try:
                message = wire.read(self.incoming)
            except wire.Problem as problem:
                message = problem
            except (wire.Closed, OSError, ValueError):
                self.inbox.put(wire.Closed())
                return
            # Taken at once: in the queue it would stand behind the request that it is about.
            if isinstance(message, dict) and message.get("method") == "$/cancelRequest":
                params = message.get("params")
                known = params.get("id") if isinstance(params, dict) else None
                if isinstance(known, int | str):
                    self.cancelled.add(known)
                continue
            self.inbox.put(message)

    def take(self, message: Any) -> None:
        """Answer one message, whatever it is."""
        if isinstance(message, wire.Closed):
            self.ended = True
            return
        if isinstance(message, wire.Problem):
            self.answer_error(None, message)
            return
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            # The client's answer to `ask` has a result or an error, and no method: nobody waits for it.
            if not (isinstance(message, dict) and ("result" in message or "error" in message)):
                self.answer_error(None, wire.Problem(wire.INVALID_REQUEST, "that is no request"))
            return
        method, params = message["method"], message.get("params") or {}
        if "id" not in message:
            self.guard(lambda: self.notice(method, params))
            return
        number = message["id"]
        if not isinstance(number, int | str | None):
            self.answer_error(None, wire.Problem(wire.INVALID_REQUEST, "an id is a number or a text"))
            return
        try:
            if number in self.cancelled:
                raise wire.Problem(wire.REQUEST_CANCELLED, "cancelled")
            self.send({"id": number, "result": self.answer(method, params)})
        except wire.Problem as problem:
            self.answer_error(number, problem)
        except Interrupted:
            self.answer_error(number, wire.Problem(wire.CONTENT_MODIFIED, "the text changed meanwhile"))
        except Exception as failure:
            self.log(failure)
            # Handlers take params as they come: a key that lacks, another type, is the client's fault.
            amiss = isinstance(failure, LookupError | TypeError | AttributeError | ValueError)
            code = wire.INVALID_PARAMS if amiss else wire.INTERNAL_ERROR
            self.answer_error(number, wire.Problem(code, f"{type(failure).__name__}: {failure}"))
        finally:
            self.cancelled.discard(number)

    def guard(self, work: Callable[[], Any]) -> Any:
        """Do work between requests; a failure in it is logged."""
        try:
            return work()
        except Interrupted:
            # There was work, and it is not done: the caller goes on with it before it waits.
            return True
        except Exception as failure:
            self.log(failure)
            return False

    def pause(self) -> None:
        if not self.inbox.empty():
            raise Interrupted

    def pause_for_change(self) -> None:
        """Leave a request that a change has overtaken."""
        # The thread that listens may put a message while the queue is looked through.
        with self.inbox.mutex:
            waiting = [message for message in self.inbox.queue if isinstance(message, dict)]
        if any(message.get("method") == "textDocument/didChange" for message in waiting):
            raise Interrupted

    # To the client

    def send(self, message: Json) -> None:
        try:
            wire.write(self.outgoing, message)
        except (OSError, ValueError):  # nobody is left to read it
            self.ended = True

    def notify(self, method: str, params: Json) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, params: Json | None = None) -> None:
        """Send a request to the client, whose answer is not needed."""
        self.asked += 1
        asking = {"id": f"cnnspec-{self.asked}", "method": method}
        self.send(asking if params is None else asking | {"params": params})

    def answer_error(self, number: Any, problem: wire.Problem) -> None:
        self.send({"id": number, "error": {"code": problem.code, "message": str(problem)}})

    def log(self, failure: Exception) -> None:
        import traceback

        text = "".join(traceback.format_exception(failure))
        self.notify("window/logMessage", {"type": 1, "message": f"a fault of cnnspec itself:\n{text}"})
