"""The index of a folder of sheets: one page without scripts, that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from cnnspec import __version__
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.output import MARK

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
figure { margin: 1.5rem 0 }
img { max-width: 100%; image-rendering: pixelated; border: 1px solid #bbb }
pre { overflow-x: auto }
:root { color-scheme: light dark }
"""


class Section(NamedTuple):
    """An image: its file, what was found, and the pictures as (file, caption)."""

    title: str
    lines: list[str]
    pictures: list[tuple[str, str]]


def page(title: str, facts: str, sections: Sequence[Section]) -> str:
    """The page, as HTML that is XML as well."""
    links = "".join(f'<li><a href="#image{i}">{shown(s.title)}</a></li>\n' for i, s in enumerate(sections, 1))
    body = "".join(section(i, part) for i, part in enumerate(sections, 1))
    return (
        f"<!DOCTYPE html>\n<!-- {MARK} {__version__} -->\n"
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n<head>\n<meta charset="utf-8" />\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1" />\n'
        f"<title>{shown(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{shown(title)}</h1>\n<p>{shown(facts)}</p>\n<ol>\n{links}</ol>\n{body}</body>\n</html>\n"
    )


def section(number: int, part: Section) -> str:
    figures = "".join(
        f'<figure><img src="{quote(file)}" alt="{shown(caption)}" loading="lazy" />'
        f"<figcaption>{shown(caption)}</figcaption></figure>\n"
        for file, caption in part.pictures
    )
    words = "\n".join(map(shown, part.lines))
    head = f"<h2>{shown(part.title)}</h2>\n<pre>{words}</pre>"
    return f'<section id="image{number}">\n{head}\n{figures}</section>\n'


def shown(text: str) -> str:
    return escape(visible(text))
