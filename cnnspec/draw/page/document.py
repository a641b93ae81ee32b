"""The page: its parts put into `page.html`, its style and script named by their hashes in the policy."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.simplify import FOLDED, simplify
from cnnspec.draw.graph import dot
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import Look
from cnnspec.draw.names import mark, plain
from cnnspec.draw.page.colours import variables
from cnnspec.draw.page.entries import Contents, contents
from cnnspec.draw.page.levels import PageLevel, levels
from cnnspec.draw.page.source_pane import fault_list, marks, source_pane
from cnnspec.draw.page.space import space
from cnnspec.draw.page.table import table
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic

SCRIPTS = ("marks", "lists", "facts", "graph", "space", "canvas", "table", "search", "save", "split", "page")
"""Files of JavaScript, one after the other one module."""

MOST_LAYERS = 10_000

# `</script>` would end the script, and U+2028 a line of JavaScript; as `\u003c` they are the same string
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(network: Network, look: Look, faults: Sequence[Diagnostic] = ()) -> str:
    """The whole page, which tells the faults that the network has. Raises DrawProblem."""
    found = contents(network)
    if len(found.entries) > MOST_LAYERS:
        count = f"{len(found.entries):,} layers, more than the {MOST_LAYERS:,} of a page"
        raise DrawProblem(f"{plain(network.name)} has {count}")
    folded = simplify(network)
    drawn, chosen = levels(network, found, look), look.detail or FOLDED
    style = base_style() + asset("page.css")
    script = "".join(asset(f"{name}.js") for name in SCRIPTS)
    facts = dot.facts(folded)
    return Template(asset("page.html")).substitute(
        mark=escape(mark(folded.name)),
        policy=policy(style, script),
        title=escape(f"{plain(network.name)}: {facts}"),
        name=escape(plain(network.name)),
        facts=escape(facts),
        detail=chosen,
        details="\n      ".join(detail_choice(level, chosen) for level in drawn),
        levels="\n".join(level_view(level, chosen) for level in drawn if level.svg),
        volumes=escape(
            f"The volumes of {plain(network.name)}, turned by arrow keys; the table tells the same"
        ),
        faults=fault_list(faults, found.sources),
        source=source_pane(found, marks(faults, found.sources)),
        table=table(found),
        data=data(found, folded),
        style=style,
        script=script,
    )


def base_style() -> str:
    """What all pages look like: colours of themes and texts, letters, what only readers of screens meet."""
    return variables() + asset("base.css") + asset("texts.css")


def asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str | None, *more: str, scripts: str = "", pictures: str = "data:") -> str:
    """What a browser may load and run (Content Security Policy Level 3): this style, this script, no more.

    `scripts` and `pictures` are further sources of theirs, `more` are further rules.
    """
    rules = (
        "default-src 'none'",
        f"style-src {fingerprint(style)}",
        *([] if script is None else [f"script-src {fingerprint(script)}{scripts}"]),
        f"img-src {pictures}",
        "base-uri 'none'",
        "form-action 'none'",
        *more,
    )
    return "; ".join(rules)


def fingerprint(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def as_json(value: object) -> str:
    """JSON that ends neither a script nor, where it is read as JavaScript, a line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_UNSAFE)


def data(found: Contents, folded: Diagram) -> str:
    """What the script needs to know."""
    room = space(folded, found)
    made = ((entry, [tensor._asdict() for tensor in entry.tensors]) for entry in found.entries)
    facts = {
        "layers": [entry._asdict() | {"leaving": entry.made, "tensors": tensors} for entry, tensors in made],
        "files": [text.name for text in found.sources.texts()],
        "slabs": [slab._asdict() for slab in room.slabs],
        "links": [link._asdict() for link in room.links],
    }
    return as_json(facts)


def detail_choice(level: PageLevel, chosen: str) -> str:
    state = " checked" * (level.detail == chosen) + " disabled" * (level.svg is None)
    tag = f'<input type="radio" name="detail" value="{level.detail}"{state}>'
    return f"<label>{tag}<span>{level.detail.capitalize()}</span></label>"


def level_view(level: PageLevel, chosen: str) -> str:
    hidden = "" if level.detail == chosen else " hidden"
    return f'<div class="level" data-detail="{level.detail}"{hidden}>\n{level.svg}\n</div>'
