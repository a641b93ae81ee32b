"""`cnnspec explain E0410`: a page for every code, one Markdown file each, beside this one.

A page reads: `# E0410 Title`; what it means and why; a fenced example under `Wrong:`, one under `Right:`;
for a warning, where the claim comes from under `Source:`. The examples are specifications, of E10… a module
or a command that imports one. The tests run them all.
"""

from __future__ import annotations

import re
from importlib.resources import files
from textwrap import fill, indent
from typing import NamedTuple

from cnnspec.text.resources import read_asset

_PAGE = re.compile(
    r"# (?P<code>\w+) (?P<title>[^\n]+)\n(?P<text>.*?)\nWrong:\n\n```\n(?P<wrong>.*?\n)```\n"
    r"\s*\nRight:\n\n```\n(?P<right>.*?\n)```\n\s*(?:\nSource:(?P<source>.*))?",
    re.DOTALL,
)


class ExplainPage(NamedTuple):
    """What there is to say about a code. `text` is Markdown; the examples are whole files of the language."""

    code: str
    title: str
    text: str
    wrong: str
    right: str
    source: str = ""


def codes() -> list[str]:
    """The codes that have a page, in their order."""
    names = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".md") for name in names if name.endswith(".md"))


def page(code: str) -> ExplainPage | None:
    """The page of a code, or None where there is no such code."""
    code = code.upper()
    if not code.isalnum() or not code.isascii():  # a code, never a path
        return None
    if not files(__package__).joinpath(f"{code}.md").is_file():
        return None
    return parse(markdown(code))


def markdown(code: str) -> str:
    """The page of a code that has one, as its file is."""
    return read_asset(__package__, f"{code}.md")


def parse(markdown: str) -> ExplainPage:
    """A page from its file's text. Raises ValueError where a part is missing."""
    found = _PAGE.fullmatch(markdown)
    if found is None:
        raise ValueError(f"the page {markdown.partition(chr(10))[0]!r} lacks a part or has one too many")
    parts = found.groupdict(default="")
    examples = {name: parts.pop(name) for name in ("wrong", "right")}
    return ExplainPage(**{name: part.strip() for name, part in parts.items()}, **examples)


def render(page: ExplainPage, width: int | None = None) -> str:
    """The page as plain text, ending in a newline; with a width its paragraphs are filled to it."""
    examples = (("Wrong", page.wrong), ("Right", page.right))
    parts = [f"{page.code}: {page.title}", *(fill_paragraph(each, width) for each in page.text.split("\n\n"))]
    parts += [f"{title}:\n\n{indent(example.rstrip(), '    ')}" for title, example in examples]
    if page.source:
        parts.append(fill_paragraph(f"Source: {page.source}", width))
    return "\n\n".join(parts) + "\n"


def fill_paragraph(paragraph: str, width: int | None) -> str:
    """A paragraph in lines of a width, if there is one; what is indented, as code is, stays as it is."""
    if width is None or any(line.startswith(" ") for line in paragraph.split("\n")):
        return paragraph
    return fill(paragraph, width, break_long_words=False, break_on_hyphens=False)
