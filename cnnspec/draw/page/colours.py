"""One drawing for light and dark: colours become names, which the page's style gives a colour by theme.

The drawing is made in a theme whose colours are mere codes; afterwards each code stands for a variable.
"""

from __future__ import annotations

import re

from cnnspec.draw.theme import THEMES, Paint, Theme

# `#C0DE05` is the sixth role; Graphviz writes colours in small letters
_CODE = re.compile(r"#c0de([0-9a-f]{2})", re.IGNORECASE)

KINDS = tuple(THEMES["light"].paints)
"""Kinds of boxes with colours of their own."""


def roles(theme: Theme) -> dict[str, str]:
    """All colours of a theme by what they are for."""
    found = {name: getattr(theme, name) for name in ("paper", "ink", "quiet", "skip", "fault")}
    found |= {f"tint-{i}": tint for i, tint in enumerate(theme.tints)}
    for kind in KINDS:
        found |= {f"{kind}-{part}": colour for part, colour in theme.paint(kind)._asdict().items()}
    return found


ROLES = tuple(roles(THEMES["light"]))
CODES = {role: f"#C0DE{number:02X}" for number, role in enumerate(ROLES)}
CODED = Theme(
    name="coded",
    paper=CODES["paper"],
    ink=CODES["ink"],
    quiet=CODES["quiet"],
    skip=CODES["skip"],
    fault=CODES["fault"],
    tints=(CODES["tint-0"], CODES["tint-1"]),
    paints={kind: Paint(*(CODES[f"{kind}-{part}"] for part in Paint._fields)) for kind in KINDS},
)


def named(svg: str) -> str:
    """The codes of a drawing as variables of the page's style."""
    return _CODE.sub(lambda match: f"var(--{ROLES[int(match.group(1), 16)]})", svg)


def painted(svg: str, theme: Theme) -> str:
    """The codes of a drawing as the colours of a theme."""
    found = list(roles(theme).values())
    return _CODE.sub(lambda match: found[int(match.group(1), 16)], svg)


def variables() -> str:
    """The variables, each with its colour in the light and in the dark."""
    light, dark = roles(THEMES["light"]), roles(THEMES["dark"])
    lines = (f"  --{role}: light-dark({light[role]}, {dark[role]});\n" for role in ROLES)
    return ":root {\n" + "".join(lines) + "}\n"
