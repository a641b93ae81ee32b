"""What all of our SVGs have in common: their frame, their letters, their numbers."""

from __future__ import annotations

from html import escape

from cnnspec.draw.style import FONT

FAMILIES = f"{FONT},Verdana,Geneva,sans-serif"


def document(
    body: str,
    size: tuple[str, str],
    inner: tuple[str, str],
    paper: str,
    title: str,
    description: str,
    mark: str,
) -> str:
    """A whole page: `size` in points, `inner` its width and height in the numbers of `body`.

    `title` and `description` are for those who do not see it; `mark` stands in a comment.
    """
    (width, height), (across, down) = size, inner
    comment = escape(mark.replace("--", "- -"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- {comment} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {across} {down}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(title)}</title>\n'
        f'<desc id="desc">{escape(description)}</desc>\n'
        f'<rect width="{across}" height="{down}" fill="{paper}"/>\n'
        f"{body}</svg>\n"
    )


def number(value: float) -> str:
    """Two decimals at most, and no minus before nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
