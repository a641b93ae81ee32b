"""Messages of JSON-RPC 2.0 behind headers, as the base protocol has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

MOST_BYTES = 1 << 26
"""The most bytes of a message; a longer one ends the connection, since no specification is so long."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR = -32602, -32603
NOT_INITIALIZED, REQUEST_CANCELLED, CONTENT_MODIFIED, REQUEST_FAILED = -32002, -32800, -32801, -32803


class Problem(Exception):
    """A request that is answered with an error of that code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Closed(Exception):
    """Nothing more is to be read."""


def read(stream: BinaryIO) -> Any:
    """The next message. Raises Closed at the end, Problem where what was sent is no JSON."""
    # Content-Length: 2\r\n\r\n{}
    length = -1
    while (line := stream.readline(4096)) not in (b"\r\n", b"\n"):
        if not line:
            raise Closed
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = number(value)
    if not 0 <= length <= MOST_BYTES:
        raise Closed  # where the next message begins is not known
    body = stream.read(length)
    if len(body) < length:
        raise Closed
    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Problem(PARSE_ERROR, "the message is no JSON") from None


def number(text: bytes) -> int:
    """A count of bytes, of at most nine digits; -1 where it is none."""
    digits = text.strip()
    return int(digits) if digits.isdigit() and len(digits) < 10 else -1


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def write(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    """Send a message: ASCII alone, so that half a surrogate pair in a text cannot break it."""
    body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode("ascii")
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()
