"""The page: its parts put into `serve.html`, its style and script named by their hashes in the policy."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from string import Template

import cnnspec
from cnnspec.draw.page.colours import variables
from cnnspec.draw.page.document import as_json, fingerprint
from cnnspec.live.serve.folder import Folder
from cnnspec.text import shipped


def page(name: str, folder: Folder) -> str:
    """The whole page, with the text of the file that it begins with. Raises FileProblem."""
    start = folder.read(name)._asdict() | {"name": name, "names": folder.names()}
    start["zoo"] = [each for each in shipped.names() if "/" not in each]
    return Template(asset("serve.html")).substitute(
        version=escape(cnnspec.__version__),
        title=escape(name),
        style=style(),
        script=asset("serve.js"),
        start=as_json(start),
    )


@cache
def asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def style() -> str:
    return variables() + asset("serve.css")


@cache
def policy() -> str:
    """What a browser may load and run: this style, this script, pictures that the script makes, no more."""
    rules = (
        "default-src 'none'",
        f"style-src {fingerprint(style())}",
        f"script-src {fingerprint(asset('serve.js'))}",
        "connect-src 'self'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(rules)
