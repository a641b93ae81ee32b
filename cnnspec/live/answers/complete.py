"""What may be written at a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from cnnspec import layers
from cnnspec.elaborate.network import IMAGE_ARGUMENTS
from cnnspec.layers.base import Argument
from cnnspec.live.answers.before import Before, before
from cnnspec.live.answers.hover import default, value_text
from cnnspec.live.findings import Check
from cnnspec.live.name_index import Mention, SymbolKind, index_of
from cnnspec.live.session import Document, Session
from cnnspec.text import syntax
from cnnspec.text.scanner import FIELDS
from cnnspec.text.shipped import libraries
from cnnspec.values.functions import FUNCTIONS

ITEMS = (("net", "a network"), ("block", "a part to be used often"), ("use", "a file of blocks"))
STATEMENTS = ("repeat", "if", "from", "again", "output", "require", "default")
STEPS = ("repeat", "if", "from", "again")


OfferKind = SymbolKind | Literal["keyword", "key", "value", "name"]


class Offer(NamedTuple):
    """A text that may be written, what kind of thing it is, and a few words about it."""

    text: str
    kind: OfferKind
    detail: str = ""


def offers(session: Session, document: Document, offset: int) -> list[Offer]:
    """What may stand at an offset, the likeliest first, each once."""
    check, found = document.check, before(document.source.text, offset)
    if check is None or found is None:
        return []
    if found.string is not None:
        return list(of_string(session, document, check, found, offset))
    # Turned round, so that of two that write the same the likelier one stays.
    listed = {offer.text: offer for offer in reversed([*offers_at(document, check, found, offset)])}
    return list(reversed(listed.values()))


def start_of_word(document: Document, offset: int, found: Sequence[Offer]) -> int:
    """Where that begins which is typed of what is offered at an offset: the word there, or the path."""
    text = document.source.text
    if found and found[0].kind == "file":
        return text.rfind('"', 0, offset) + 1
    while offset and (text[offset - 1].isalnum() or text[offset - 1] == "_"):
        offset -= 1
    return offset


def offers_at(document: Document, check: Check, found: Before, offset: int) -> Iterator[Offer]:
    words = found.words
    if found.frame == "file":
        yield from of_file(check, found)
    elif found.frame != "braces":
        yield from expression(document, check, words, offset)
    elif not words:
        yield from steps(document, check, found, offset)
    elif words[0] in ("from", "again", "output"):
        yield from labels(document, offset)
        if words[0] == "output" and len(words) > 1:
            yield Offer("train=", "key", "there while training alone")
    elif words[0] == "default":
        yield from keys(check, words[1:], set()) if len(words) > 1 else callables(check)
    elif words[-1] == "->":
        yield from claims(document, check, offset)
        yield from expression(document, check, words, offset)
    # `k = 2` gives a constant: its second word is the `=`.
    elif words[0] in ("repeat", "if", "require") or words[1:2] == ("=",):
        if words[0] == "repeat" and len(words) == 2:
            yield Offer("in", "keyword")
        yield from expression(document, check, words, offset)
    else:
        yield from call(document, check, words, offset)


# Places


def of_file(check: Check, found: Before) -> Iterator[Offer]:
    words = found.words
    if not words:
        yield from (Offer(word, "keyword", detail) for word, detail in ITEMS)
    elif words[0] == "net" and "=" in words:
        # `net B = A depth=2`: behind the `=` the net that is varied, then its parameters.
        place = words.index("=")
        if len(words) == place + 1:
            yield from (Offer(name, "net") for name in check.module.nets)
        elif words[-1] != "=":
            yield from keys(check, words[place + 1 :], set(words[place + 2 :]))
        else:
            yield from values(check)
    elif "=" in words[:2]:
        yield from (Offer(name, "name", "a constant") for name in check.module.constants)
        yield from functions()


def steps(document: Document, check: Check, found: Before, offset: int) -> Iterator[Offer]:
    """What a step may begin with."""
    yield from callables(check)
    yield from names(document, offset)
    for word in STATEMENTS if found.opens else STEPS:
        yield Offer(word, "keyword")
    yield Offer("input", "layer", "what arrives")
    yield Offer("none", "layer", "the path that is not there")


def callables(check: Check) -> Iterator[Offer]:
    for name, block in check.module.blocks.items():
        yield Offer(name, "block", header(block.block))
    for name in layers.NAMES:
        cls = layers.find(name)
        yield Offer(name, "layer", cls.summary if cls is not None else "")


def header(owner: syntax.Block | syntax.Net) -> str:
    """`Basic(width, stride=1)`."""
    return f"{owner.name.name}({', '.join(parameter.span.text for parameter in owner.parameters)})"


def call(document: Document, check: Check, words: tuple[str, ...], offset: int) -> Iterator[Offer]:
    """Behind a step's name: its arguments, or what one of them may be."""
    if words[-1] == "=":
        argument = argument_of(words[0], words[-2] if len(words) > 1 else "")
        if argument is not None:
            yield from choices(argument)
    # Behind an operator a number follows, and no key: `conv 6@▮`.
    elif words[-1] not in tuple("@+-*/%"):
        # ("conv", "6", "@", "5x5", "pad", "=", "2") -> {"pad"}
        given = {word for word, behind in pairwise(words) if behind == "="}
        yield from keys(check, words, given)
    yield from expression(document, check, words, offset)
    yield from values(check)


def keys(check: Check, words: tuple[str, ...], given: set[str]) -> Iterator[Offer]:
    """The arguments of a layer, a block or a net that are not given yet."""
    cls = layers.find(words[0])
    if words[0] == "input":
        yield from (Offer(f"{name}=", "key", "of images") for name in IMAGE_ARGUMENTS if name not in given)
    if cls is not None:
        for name, argument in cls.arguments.items():
            if name not in given:
                yield Offer(f"{name}=", "key", about(argument))
        return
    for parameter in parameters(check, words[0]):
        if parameter.name.name not in given:
            yield Offer(f"{parameter.name.name}=", "key", parameter.span.text)


def parameters(check: Check, name: str) -> tuple[syntax.Parameter, ...]:
    """Of a block or a net; of a variant those of the net that it varies."""
    if name in check.module.blocks:
        block: syntax.Block = check.module.blocks[name].block
        return block.parameters
    net = check.module.pattern(name)
    return net.parameters if net is not None else ()


def about(argument: Argument) -> str:
    shown = default(argument)
    return argument.kind + (f" = {value_text(shown)}" if shown is not None else "")


def argument_of(layer: str, name: str) -> Argument | None:
    cls = layers.find(layer)
    return cls.arguments.get(name) if cls is not None else None


def choices(argument: Argument) -> Iterator[Offer]:
    """The words that an argument takes."""
    for word in argument.choices:
        yield Offer(f'"{word}"', "value")
    if argument.kind == "flag":
        yield from (Offer(word, "value") for word in ("yes", "no"))
    if argument.default is not ... and argument.default is not None and argument.kind != "flag":
        yield Offer(value_text(argument.default), "value", "the default")


def values(check: Check) -> Iterator[Offer]:
    """Blocks, which are values, too."""
    for name in check.module.blocks:
        yield Offer(name, "block")


def expression(document: Document, check: Check, words: tuple[str, ...], offset: int) -> Iterator[Offer]:
    if words[-2:] == ("in", "."):
        yield from (Offer(name, "value", "of the value that arrives here") for name in FIELDS)
        return
    yield from names(document, offset)
    yield from (Offer(name, "name", "a constant") for name in check.module.constants)
    yield Offer("in", "keyword", "the value that arrives here")
    yield from functions()


def functions() -> Iterator[Offer]:
    for name in FUNCTIONS:
        yield Offer(name, "function")


def claims(document: Document, check: Check, offset: int) -> Iterator[Offer]:
    """The size of what stands before."""
    ends = [span for span in check.runs if span.source is document.source and span.end <= offset]
    if ends:
        runs = check.runs[max(ends, key=lambda span: span.end)]
        shapes = [run.leaving.shape for run in runs if run.leaving is not None and run.leaving.shape]
        yield from (Offer(str(shape), "value", "the size here") for shape in dict.fromkeys(shapes))


# Names


def names(document: Document, offset: int) -> Iterator[Offer]:
    """The parameters, constants and loop names that are given before an offset, in its net or block."""
    for mention in names_before(document, offset):
        if mention.symbol.kind in ("parameter", "constant"):
            yield Offer(mention.symbol.name, "name", f"a {mention.symbol.kind}")


def labels(document: Document, offset: int) -> Iterator[Offer]:
    for mention in names_before(document, offset):
        symbol = mention.symbol
        if symbol.kind == "label":
            text = mention.span.text.strip('"')
            yield Offer(f"{symbol.owner}.{text}".lstrip("."), "label")


def names_before(document: Document, offset: int) -> Iterator[Mention]:
    index, check = index_of(document), document.check
    if index is None or check is None:
        return
    # From the item around: what another net or block gives is unknown here.
    starts = [item.span.start for item in check.module.tree.items if item.span.start <= offset]
    start = max(starts, default=0)
    for mention in index.mentions:
        if mention.gives and start <= mention.span.start < offset:
            yield mention


# Files


def of_string(
    session: Session, document: Document, check: Check, found: Before, offset: int
) -> Iterator[Offer]:
    """Behind `use "` the files that there are; elsewhere the words that an argument takes."""
    typed = found.string or ""
    if found.frame == "file" and found.words[:1] == ("use",):
        here = Path(document.name).parent
        if Path(document.name).is_absolute():
            yield from (Offer(path, "file") for path in specifications(here, typed, Path(document.name)))
        yield from (Offer(f"{name}.cnn", "file", "shipped") for name in libraries())
    elif len(found.words) > 1 and found.words[-1] == "=":
        argument = argument_of(found.words[0], found.words[-2])
        yield from (Offer(word, "value") for word in (argument.choices if argument is not None else ()))


def specifications(here: Path, typed: str, own: Path) -> Iterable[str]:
    """The specifications in the folder that is typed, and the folders there."""
    folder = typed.rpartition("/")[0]
    if ".." in folder.split("/") or folder.startswith("/"):
        return
    try:
        entries = sorted((here / folder).iterdir())
    except OSError:
        return
    for entry in entries:
        path = entry.relative_to(here).as_posix()
        if entry.is_dir() and not entry.name.startswith("."):
            yield f"{path}/"
        elif entry.suffix == ".cnn" and entry != own:
            yield path
