"""What all pages have in common: policy, style, the way to the other pages, how specifications look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from html import escape
from string import Template
from typing import NamedTuple

from cnnspec import __version__
from cnnspec.draw.page.document import base_style, policy
from cnnspec.draw.page.source_pane import coloured_lines
from cnnspec.text.output import MARK
from cnnspec.text.resources import read_asset

asset = partial(read_asset, __package__)


class SitePage(NamedTuple):
    """A page at a path within the site; links in its `body` lead from there."""

    path: str
    title: str
    body: str


class NavigationLink(NamedTuple):
    """Where the head of every page leads to."""

    name: str
    path: str


def frame_page(page: SitePage, navigation: Sequence[NavigationLink]) -> bytes:
    """The whole text of a page, which belongs to the link whose folder or file it is."""
    text = Template(asset("frame.html")).substitute(
        mark=f"{MARK} {__version__}",
        policy=policy(style(), None, pictures="'self' data:"),
        title=escape(page.title if page.title == "cnnspec" else f"{page.title} · cnnspec"),
        style=style(),
        home=link(page.path, "index.html"),
        navigation="\n    ".join(navigation_link(page, to) for to in navigation),
        body=page.body,
    )
    return text.encode()


def navigation_link(page: SitePage, to: NavigationLink) -> str:
    folder = to.path.removesuffix("index.html")
    # Below zoo/index.html lies all of zoo/; below language.html, which is no folder's index, nothing.
    inside = page.path == to.path or (folder != to.path and page.path.startswith(folder))
    state = ' aria-current="page"' if page.path == to.path else ' aria-current="true"' if inside else ""
    return f'<a href="{link(page.path, to.path)}"{state}>{escape(to.name)}</a>'


def link(start: str, end: str) -> str:
    """The way from a page to another file of the site: relative, so that the site stands in any folder."""
    here, there = start.split("/")[:-1], end.split("/")
    # zoo/a/x.html to zoo/b/y.html: what both begin with falls away, so ../b/y.html.
    while here and len(there) > 1 and here[0] == there[0]:
        here, there = here[1:], there[1:]
    return "/".join([*[".."] * len(here), *there])


@cache
def style() -> str:
    return base_style() + asset("site.css")


def listing(text: str, sizes: Mapping[int, str] | None = None, name: str = "Specification") -> str:
    """A text whose lines, counted from 1, are followed by their sizes.

    Sizes are no part of the text: they are left out where it is copied.
    """
    lines = [
        line + size(sizes.get(number) if sizes else None)
        for number, line in enumerate(coloured_lines(text.rstrip("\n")), 1)
    ]
    body = "\n".join(lines)
    return (
        f'<pre class="code" tabindex="0" role="region" aria-label="{escape(name)}"><code>{body}</code></pre>'
    )


def size(words: str | None) -> str:
    return "" if words is None else f'<span class="size">  → {escape(words)}</span>'
