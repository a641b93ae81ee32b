"""Text for LaTeX: it shows just these characters, whatever they mean to TeX."""

from __future__ import annotations

import re

CHARACTERS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "×": r"$\times$",
    "−": "$-$",
    "→": r"$\rightarrow$",
    "…": r"\ldots{}",
    "–": "--",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}
_LIGATURES = re.compile(r"(?<=([-,'`?!]))(?=[-,'`])")
"""Between characters that TeX's fonts make one of: `--` is a dash."""


def escape_latex(text: str) -> str:
    # "--" -> "-{}-"; \0 keeps the place, as braces of the text itself are escaped.
    return "".join(CHARACTERS.get(c, c) for c in _LIGATURES.sub("\0", text)).replace("\0", "{}")
