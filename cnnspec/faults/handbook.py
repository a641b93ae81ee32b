"""`cnnspec explain WHAT`: the page of a code or of a layer, or the list of the codes.

`python -m cnnspec.faults.handbook` writes the layers' part of grammars/README.md anew.
"""

from __future__ import annotations

from textwrap import wrap

from cnnspec import layers
from cnnspec.faults import explain
from cnnspec.faults.reference import WIDTH, layer_page, layers_reference
from cnnspec.text.resources import folder
from cnnspec.text.spelling import suggest

BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->\n"
"""What stands between them in the reference is generated."""


class NoPage(LookupError):
    """There is no code or layer of that name; says what may have been meant."""


def contents(width: int | None = None) -> str:
    """Every code with its title, then the names of the layers; `width` is that of a terminal."""
    pages = [page for code in explain.codes() if (page := explain.page(code))]
    lines = [f"{page.code}  {page.title}" for page in pages]
    families = [" ".join(members) for members in layers.FAMILIES.values()]
    if width is not None:
        families = [line for family in families for line in wrap(family, width, subsequent_indent="  ")]
    return "\n".join([*lines, "", "Layers:", *families]) + "\n"


def page(what: str, width: int | None = None) -> str:
    """The page of a code such as `E0410` or of a layer such as `conv`. Raises NoPage.

    `width` is that of a terminal: paragraphs are filled, but no wider than is good to read.
    """
    width = None if width is None else min(width, WIDTH)
    found = explain.page(what)
    if found is not None:
        return explain.render(found, width)
    name = what.lower()
    if layers.find(name) is not None:
        return layer_page(name, width or WIDTH)
    words = suggest(what.upper(), explain.codes()) or suggest(name, layers.NAMES)
    meant = " or ".join(f"`{word}`" for word in words)
    hint = f"did you mean {meant}?" if meant else "`cnnspec explain` lists the codes and the layers"
    raise NoPage(f"no code and no layer is called {what!r}: {hint}")


def with_layers(reference: str) -> str:
    """The text of grammars/README.md with its layers' part as they declare it now."""
    head, begin, rest = reference.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the reference lacks the marks of its generated part")
    return f"{head}{begin}\n{layers_reference()}\n{end}{tail}"


def rewrite() -> None:
    path = folder("grammars") / "README.md"
    path.write_text(with_layers(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    rewrite()
