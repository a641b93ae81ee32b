"""The page over HTTP, on the loopback alone, for the one browser that was given the token.

Other sites that this browser shows may send requests here, and other programs of this machine, too: each
request has to name this host, none but this origin, and the token.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cnnspec.live.serve.desk import Desk
from cnnspec.live.serve.folder import Changed, Folder
from cnnspec.live.serve.page import asset, page, policy
from cnnspec.text import shipped
from cnnspec.text.files import FileProblem
from cnnspec.text.parser import MAX_SOURCE

HOST = "127.0.0.1"
HEADER = "X-Cnnspec-Token"
LONGEST = 8 * MAX_SOURCE  # bytes of a request: a text, each of its signs escaped

Answer = dict[str, Any]


class Server(ThreadingHTTPServer):
    """Serves a folder. `address` is the page's, with its token."""

    daemon_threads = True

    def __init__(self, folder: Folder, name: str, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.folder, self.name = folder, name
        self.desk = Desk(folder.root.as_posix())
        self.token = secrets.token_urlsafe(24)
        self.hosts = {f"{host}:{self.server_port}" for host in (HOST, "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves before it is answered is no fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    # What the page asks for, by path

    def compile(self, asked: Answer) -> Answer:
        return self.desk.compile(self.checked(asked), text(asked, "text"), text(asked, "net"))

    def offer(self, asked: Answer) -> Answer:
        offset = asked.get("offset")
        if not isinstance(offset, int):
            raise ValueError("offset wants a number")
        return self.desk.offer(self.checked(asked), text(asked, "text"), text(asked, "net"), offset)

    def finish(self, asked: Answer) -> Answer:
        return self.desk.finish(self.checked(asked), text(asked, "text"), text(asked, "net"))

    def paint(self, asked: Answer) -> Answer:
        words = (text(asked, key) for key in ("text", "net", "view", "theme"))
        return self.desk.paint(self.checked(asked), *words)

    def open(self, asked: Answer) -> Answer:
        return self.folder.read(self.checked(asked))._asdict() | {"names": self.folder.names()}

    def zoo(self, asked: Answer) -> Answer:
        """A network that ships, as the text of a file that is not written yet."""
        found = shipped.find(text(asked, "net"))
        stem = PurePosixPath(found.file).name
        names = (f"{stem}{number}.cnn" for number in ("", *range(2, 1_000)))
        name = next(name for name in names if not self.folder.stamp(name))
        return {"name": name, "text": shipped.text(found.file)}

    def stamp(self, asked: Answer) -> Answer:
        return {"stamp": self.folder.stamp(self.checked(asked))}

    def save(self, asked: Answer) -> Answer:
        stamp = None if asked.get("stamp") is None else text(asked, "stamp")
        return self.folder.write(self.checked(asked), text(asked, "text"), stamp)._asdict()

    def checked(self, asked: Answer) -> str:
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


class Refused(Exception):
    """A request that is not answered, and the status that says so."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        self.status = status
        super().__init__(message)


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "cnnspec", ""
    timeout = 60  # seconds that a connection may idle

    def do_GET(self) -> None:
        def answer() -> bytes:
            where = urlsplit(self.path)
            self.guard(parse_qs(where.query).get("token", [""])[0])
            if where.path != "/":
                raise Refused(HTTPStatus.NOT_FOUND, "there is no such page")
            return page(self.server.name, self.server.folder).encode()

        self.reply("text/html; charset=utf-8", answer)

    def do_POST(self) -> None:
        def answer() -> bytes:
            asked = self.asked()
            self.guard(self.headers.get(HEADER, ""))
            acts: dict[str, Callable[[Answer], Answer]] = {
                "/compile": self.server.compile,
                "/offer": self.server.offer,
                "/finish": self.server.finish,
                "/paint": self.server.paint,
                "/open": self.server.open,
                "/save": self.server.save,
                "/stamp": self.server.stamp,
                "/zoo": self.server.zoo,
            }
            act = acts.get(self.path)
            if act is None:
                raise Refused(HTTPStatus.NOT_FOUND, "there is no such question")
            return json.dumps(act(asked)).encode()

        self.reply("application/json", answer)

    def guard(self, token: str) -> None:
        """Raise Refused unless this page, and no other, asks."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in self.server.hosts or origin not in (None, f"http://{host}"):
            raise Refused(HTTPStatus.FORBIDDEN, "another site asks")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "the token is another: take the address that cnnspec printed")

    def asked(self) -> Answer:
        """The body of a request, which is read in any case: another may follow it. Raises Refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the text is too long")
        body = self.rfile.read(int(length))
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "questions are JSON")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "questions are JSON")
        return found

    def reply(self, kind: str, answer: Callable[[], bytes]) -> None:
        """Send what is answered, or why nothing is."""
        status = HTTPStatus.OK
        try:
            content = answer()
        except Refused as refused:
            status, problem = refused.status, str(refused)
        except Changed as changed:
            status, problem = HTTPStatus.CONFLICT, str(changed)
        except (FileProblem, ValueError) as wrong:
            status, problem = HTTPStatus.BAD_REQUEST, str(wrong)
        except Exception as failure:
            status, problem = HTTPStatus.INTERNAL_SERVER_ERROR, f"cnnspec itself is at fault: {failure!r}"
        if status is not HTTPStatus.OK:
            kind, content = "application/json", json.dumps({"problem": problem}).encode()
        self.send_response(status)
        for name, value in self.headers_of(kind, content).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def headers_of(self, kind: str, content: bytes) -> dict[str, str]:
        return {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
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
