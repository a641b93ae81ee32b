"""The page over HTTP, on the loopback alone, for the one browser that was given the token.

Other sites that this browser shows may send requests here, and other programs of this machine, too: each
request has to name this host, none but this origin, and the token.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cnnspec.live.serve.desk import Answer, Desk, parse_question
from cnnspec.live.serve.folder import Changed, ServedFolder
from cnnspec.live.serve.page import asset, page, policy
from cnnspec.text import shipped
from cnnspec.text.decoding import MAX_SOURCE
from cnnspec.text.files import FileProblem

HOST = "127.0.0.1"
HEADER = "X-Cnnspec-Token"
LONGEST = 8 * MAX_SOURCE  # bytes of a request: a text, each of its signs escaped

LOOKS = 0.2  # seconds between looks at a file

Content = tuple[str, bytes | Iterator[bytes]]
"""A media type, and what is of it: whole, or one event after the other."""


class PageServer(ThreadingHTTPServer):
    """Serves a folder. `address` is the page's, with its token."""

    daemon_threads = True

    def __init__(self, folder: ServedFolder, name: str, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.folder, self.name = folder, name
        self.desk = Desk(folder.root.as_posix())
        self.ended = Event()
        self.token = secrets.token_urlsafe(24)
        self.hosts = {f"{host}:{self.server_port}" for host in (HOST, "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves before it is answered is no fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    def server_close(self) -> None:
        self.ended.set()
        super().server_close()

    # What the page asks for, by path

    def answer(self, what: str, asked: Answer) -> Answer:
        """Raises FileProblem, ValueError, Changed, RequestRefused."""
        if what in self.desk.answers:
            self.spec_name(asked)
            return self.desk.answers[what](parse_question(asked))
        acts = {"open": self.open, "save": self.save, "zoo": self.zoo}
        if what not in acts:
            raise RequestRefused(HTTPStatus.NOT_FOUND, "there is no such question")
        return acts[what](asked)

    def follow(self, name: str) -> Iterator[bytes]:
        """Events: the stamp of a file, again when it is another, and whether a file is that it `uses`."""
        before: Any = None
        while not self.ended.is_set():
            now = self.folder.stamp(name), self.desk.used(name)
            if now != before:
                # The first one tells the stamp alone: the page has just read all there is.
                event = {"stamp": now[0], "uses": before is not None and now[1] != before[1]}
                yield f"data: {json.dumps(event)}\n\n".encode()
            else:
                yield b":\n\n"  # no event, but whether the browser still listens
            before = now
            self.ended.wait(LOOKS)

    def open(self, asked: Answer) -> Answer:
        return self.folder.read(self.spec_name(asked))._asdict() | {"names": self.folder.names()}

    def zoo(self, asked: Answer) -> Answer:
        """A network that ships, as the text of a file that is not written yet."""
        found = shipped.find(text(asked, "net"))
        stem = PurePosixPath(found.file).name
        names = (f"{stem}{number}.cnn" for number in ("", *range(2, 1_000)))
        name = next(name for name in names if not self.folder.stamp(name))
        return {"name": name, "text": shipped.text(found.file)}

    def save(self, asked: Answer) -> Answer:
        stamp = None if asked.get("stamp") is None else text(asked, "stamp")
        return self.folder.write(self.spec_name(asked), text(asked, "text"), stamp)._asdict()

    def spec_name(self, asked: Answer) -> str:
        """The name of a file of the folder. Raises FileProblem."""
        name = text(asked, "name")
        self.folder.path(name)
        return name


def text(asked: Answer, key: str) -> str:
    """A text that a request holds. Raises ValueError."""
    found = asked.get(key)
    if not isinstance(found, str):
        raise ValueError(f"{key} wants a text")
    return found


class RequestRefused(Exception):
    """A request that is not answered, and the status that says so."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        super().__init__(message)


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "cnnspec", ""
    timeout = 60  # seconds that a connection may idle

    def do_GET(self) -> None:
        def answer() -> Content:
            where = urlsplit(self.path)
            # In the address, since neither a page that is opened nor an EventSource sends ours as a header.
            query = {key: values[0] for key, values in parse_qs(where.query).items()}
            self.guard(query.get("token", ""))
            if where.path == "/":
                return "text/html; charset=utf-8", page(self.server.name, self.server.folder).encode()
            if where.path == "/events":
                return "text/event-stream", self.server.follow(self.server.spec_name(query))
            raise RequestRefused(HTTPStatus.NOT_FOUND, "there is no such page")

        self.reply(answer)

    def do_POST(self) -> None:
        def answer() -> Content:
            asked = self.read_body()
            self.guard(self.headers.get(HEADER, ""))
            said = self.server.answer(self.path.removeprefix("/"), asked)
            return "application/json", json.dumps(said).encode()

        self.reply(answer)

    def guard(self, token: str) -> None:
        """Raise RequestRefused unless this page, and no other, asks."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        # A name that leads here, which another site may own, is none of ours (DNS rebinding).
        if host not in self.server.hosts or origin not in (None, f"http://{host}"):
            raise RequestRefused(HTTPStatus.FORBIDDEN, "another site asks")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise RequestRefused(
                HTTPStatus.FORBIDDEN, "the token is another: take the address that cnnspec printed"
            )

    def read_body(self) -> Answer:
        """The body of a request, which is read in any case: another may follow it. Raises RequestRefused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            # The body is left unread, and would be taken for the next request.
            self.close_connection = True
            raise RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the text is too long")
        body = self.rfile.read(int(length))
        if self.headers.get_content_type() != "application/json":
            raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "questions are JSON")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "questions are JSON")
        return found

    def reply(self, answer: Callable[[], Content]) -> None:
        """Send what is answered, or why nothing is."""
        status, problem = HTTPStatus.OK, ""
        try:
            kind, content = answer()
        except RequestRefused as refused:
            status, problem = refused.status, str(refused)
        except Changed as changed:
            status, problem = HTTPStatus.CONFLICT, str(changed)
        except (FileProblem, ValueError) as wrong:
            status, problem = HTTPStatus.BAD_REQUEST, str(wrong)
        except Exception as failure:
            status, problem = HTTPStatus.INTERNAL_SERVER_ERROR, f"cnnspec itself is at fault: {failure!r}"
        if problem:
            kind, content = "application/json", json.dumps({"problem": problem}).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if isinstance(content, bytes):
            self.send_header("Content-Length", str(len(content)))
            content = iter((content,))
        else:
            # Events have no length that could be told: they end with the connection.
            self.send_header("Connection", "close")
        for name, value in self.security_headers().items():
            self.send_header(name, value)
        self.end_headers()
        for part in content:
            self.wfile.write(part)

    def security_headers(self) -> dict[str, str]:
        """Headers that keep a browser from what it need not do."""
        return {
            "Content-Security-Policy": policy(asset("http.js"), "frame-ancestors 'none'"),
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    def log_message(self, *_: object) -> None:
        """Nothing: who serves for himself needs no log, and the address holds the token."""
