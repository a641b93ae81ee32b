"""Markdown as pages: the language reference, the guides, a page for each fault."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from cnnspec.live.site.frame import SitePage, link, listing

_WRONG = re.compile(r"\bwrong=([A-Z]\d+)\b")
_ELSEWHERE = re.compile(r"[a-z]+:|#")


class Writer(RendererHTML):
    """Writes tokens as HTML: headings have anchors, specifications colours, wide tables bars to scroll."""

    def __init__(self, parser: Any = None) -> None:
        super().__init__(parser)
        self.anchors: dict[str, int] = {}

    def heading_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        name = anchor(words(tokens[index + 1]))
        # As on GitHub: `example`, `example-1`, `example-2`.
        number = self.anchors[name] = self.anchors.get(name, -1) + 1
        return f'<{tokens[index].tag} id="{escape(f"{name}-{number}" if number else name)}">'

    def table_open(self, *_: Any) -> str:
        return '<div class="scroll" tabindex="0" role="region" aria-label="Table">\n<table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table>\n</div>\n"

    def fence(self, tokens: Sequence[Token], index: int, options: object, env: Mapping[str, str]) -> str:
        info, content = tokens[index].info, tokens[index].content
        if (info or env["language"]).split(" ")[0] != "cnn":
            return (
                f'<pre tabindex="0" role="region" aria-label="Example"><code>{escape(content)}</code></pre>\n'
            )
        wrong = _WRONG.search(info)
        made = listing(content, name=f"Example of {wrong[1]}" if wrong else "Example")
        return f'<div class="wrong">{made}</div>\n' if wrong else f"{made}\n"


def prose_page(text: str, source: str, path: str, pages: Mapping[str, str], language: str = "") -> SitePage:
    """The page at a path that Markdown makes, which lies at `source` in the repository.

    `pages` are the paths in the site of what links may lead to, by those in the repository; a link to
    anything else is no link. `language` is that of examples that name none.
    """
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=Writer).enable("table")
    tokens = reader.parse(text)
    for token in tokens:
        redirect_links(token.children or [], source, path, pages)
    title = next((words(tokens[i + 1]) for i, each in enumerate(tokens) if each.type == "heading_open"), path)
    body = reader.renderer.render(tokens, reader.options, {"language": language})
    return SitePage(path, title, f'<div class="prose">\n{body}</div>')


def redirect_links(tokens: list[Token], source: str, path: str, pages: Mapping[str, str]) -> None:
    """Let the links and the pictures of a line lead to files of the site."""
    # Whether the link that is open leads somewhere: else its end becomes that of a span, too.
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            target = target_of(str(token.attrs["href"]), source, path, pages)
            open_links.append(target is not None)
            if target is None:
                token.tag = "span"
                token.attrs = {}
            else:
                token.attrs["href"] = target
        elif token.type == "link_close" and not open_links.pop():
            token.tag = "span"
        elif token.type == "image":
            target = target_of(str(token.attrs["src"]), source, path, pages)
            if target is None:
                token.type, token.content = "text", words(token)
            else:
                token.attrs["src"] = target


def target_of(href: str, source: str, path: str, pages: Mapping[str, str]) -> str | None:
    """Where a link leads from a page of the site; None where that is not part of it."""
    if _ELSEWHERE.match(href):
        return href
    file, hash_sign, part = href.partition("#")
    # `../specs/lenet.cnn` in grammars/tutorial.md is specs/lenet.cnn of the repository.
    found = pages.get(posixpath.normpath(posixpath.join(posixpath.dirname(source), file)))
    return None if found is None else link(path, found) + hash_sign + part


def words(line: Token) -> str:
    """What a line says, its marks left out."""
    return "".join(each.content for each in line.children or [])


def anchor(title: str) -> str:
    """The name of a heading, as GitHub makes it: `Nets and variants` is `nets-and-variants`."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
