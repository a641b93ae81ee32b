"""`cnnspec explain WHAT`: the page of a code, a layer or a word of the field, or the list of them all.

`python -m cnnspec.faults.handbook` writes the layers' part of grammars/README.md anew.
"""

from __future__ import annotations

from textwrap import wrap

from cnnspec import layers
from cnnspec.faults import explain, words
from cnnspec.faults.reference import WIDTH, layer_page, layers_reference
from cnnspec.text.resources import folder
from cnnspec.text.spelling import suggest

BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->\n"
"""What stands between them in the reference is generated."""


class NoPage(LookupError):
    """There is no code, layer or word of that name; says what may have been meant."""


def contents(width: int | None = None) -> str:
    """Every code with its title, the names of the layers, the words; `width` is that of a terminal."""
    pages = [page for code in explain.codes() if (page := explain.page(code))]
    lines = [f"{page.code}  {page.title}" for page in pages]
    families = [" ".join(members) for members in layers.FAMILIES.values()]
    if width is not None:
        families = [line for family in families for line in wrap(family, width, subsequent_indent="  ")]
    listed = wrap(", ".join(word.names[0] for word in words.words()), width or WIDTH)
    return "\n".join([*lines, "", "Layers:", *families, "", "Words:", *listed]) + "\n"


def page(what: str, width: int | None = None) -> str:
    """The page of a code such as `E0410`, a layer such as `conv`, a word such as `stride`. Raises NoPage.

    What is a layer and a word, as `softmax`, has both. `width` is that of a terminal: paragraphs are filled,
    but no wider than is good to read.
    """
    width = None if width is None else min(width, WIDTH)
    found = explain.page(what)
    if found is not None:
        return explain.render(found, width)
    name, word = what.lower(), words.find(what)
    pages = [layer_page(name, width or WIDTH)] if layers.find(name) is not None else []
    pages += [words.render(word, width or WIDTH)] if word is not None else []
    if pages:
        return "\n".join(pages)
    known = [*layers.NAMES, *(each for word in words.words() for each in word.names)]
    near = suggest(what.upper(), explain.codes()) or suggest(name, known)
    meant = " or ".join(f"`{each}`" for each in near)
    hint = f"did you mean {meant}?" if meant else "`cnnspec explain` lists codes, layers and words"
    raise NoPage(f"no code, layer or word is called {what!r}: {hint}")


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
