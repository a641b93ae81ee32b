"""The page: its parts put into `serve.html`, its style and script named by their hashes in the policy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import cnnspec
from cnnspec.draw.page import document
from cnnspec.draw.page.document import as_json
from cnnspec.live.serve.folder import ServedFolder
from cnnspec.text import colouring, shipped
from cnnspec.text.resources import read_asset

asset = partial(read_asset, __package__)

BUNDLE = files(__package__).joinpath("editor/dist/editor.js")
"""The editor by CodeMirror, which npm makes where a wheel is built and it is there."""


def page(name: str, folder: ServedFolder) -> str:
    """The whole page, with the text of the file that it begins with. Raises FileProblem."""
    return fill_page({**folder.read(name)._asdict(), "name": name, "names": folder.names()}, asset("http.js"))


def fill_page(start: Mapping[str, Any], engine: str, head: str = "", home: str = "cnnspec") -> str:
    """The page that begins with the file `start`; the script `engine` answers what it asks.

    `head` and `home` are HTML: more of the head, and the heading.
    """
    zoo = [each for each in shipped.names() if "/" not in each]
    return Template(asset("serve.html")).substitute(
        version=escape(cnnspec.__version__),
        head=head,
        home=home,
        title=escape(start["name"]),
        style=style(),
        script=script(engine),
        start=as_json({**start, "zoo": zoo, "table": colouring.TABLE}),
    )


def editor() -> str:
    """The script of the editor: CodeMirror's, or where it is not bundled that of a plain text area."""
    return BUNDLE.read_text(encoding="utf-8") if BUNDLE.is_file() else asset("plain.js")


@cache
def script(engine: str) -> str:
    return engine + editor() + asset("serve.js")


@cache
def style() -> str:
    return document.base_style() + asset("serve.css")


@cache
def policy(engine: str, *more: str, scripts: str = "") -> str:
    """What a browser may load and run of the page with this engine."""
    rules = "connect-src 'self'", *more
    return document.policy(style(), script(engine), *rules, scripts=scripts, pictures="data: blob:")
