"""Where a name is given, where it stands, and what it would be to call it otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cnnspec import compiler
from cnnspec.elaborate.load import Loader, Reader, is_built_in
from cnnspec.live.name_index import OURS, Mention, NameIndex, NameMeaning, index_of, mention_at
from cnnspec.live.session import Document, Session
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.edits import Edit, apply
from cnnspec.text.scanner import WORDS
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import allow_deep_calls, pause_collector

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RenameRefused(Exception):
    """Why a name cannot be another."""


def definition(session: Session, document: Document, offset: int) -> Span | None:
    """Where the name at an offset is given; of a file that is used its beginning."""
    mention = mention_at(document, offset)
    if mention is None:
        return None
    symbol = mention.symbol
    if symbol.kind == "file":
        found = session.reader(document)(symbol.name, document.source)
        return Span(found, 0, 0) if isinstance(found, Source) else None
    source = document.check.sources.get(symbol.home[0]) if document.check is not None else None
    if source is None or symbol.kind not in OURS:
        return None
    # A home is a beginning alone; how long the name is there tells its text.
    return Span(source, symbol.home[1], symbol.home[1] + len(spelling_of(source, symbol)))


def spelling_of(source: Source, symbol: NameMeaning) -> str:
    """A name as it stands where it is given."""
    found = NAME.match(source.text, symbol.home[1])
    return found[0] if found else symbol.name


def references(session: Session, document: Document, symbol: NameMeaning) -> list[Mention]:
    """All places of a name: in the text, and in others that may see it."""
    found = list(mentions_in(index_of(document), symbol))
    # No other file can refer to a label, which is one of its net or block.
    if symbol.kind not in OURS - {"label"}:
        return found
    for name in session.files():
        if name != document.name:
            found += mentions_in(index_of_file(session, name, symbol.name), symbol)
    return found


def mentions_in(index: NameIndex | None, symbol: NameMeaning) -> list[Mention]:
    return [m for m in index.mentions if m.symbol == symbol] if index is not None else []


def index_of_file(session: Session, name: str, word: str) -> NameIndex | None:
    """The names of a file that holds a word, an open one or not."""
    document = session.refresh(name)
    if document is not None:
        return index_of(document) if word in document.source.text else None
    source = session.source(name)
    if source is None or word not in source.text:
        return None
    loader = Loader(session.reader(Document(name, source.text)))
    with pause_collector(), allow_deep_calls():
        return NameIndex(loader.load(source))


def rename(session: Session, document: Document, offset: int, name: str) -> list[Edit]:
    """The edits that give the name at an offset another spelling everywhere. Raises RenameRefused.

    They are tried: where the texts would mean anything else by them, they are refused.
    """
    mention = mention_at(document, offset)
    if mention is None or mention.symbol.kind not in OURS:
        raise RenameRefused("this is no name that a specification gives")
    if not NAME.fullmatch(name) or name in WORDS:
        raise RenameRefused(f"`{name}` cannot be a name")
    symbol = mention.symbol
    # `conv: conv 6@5x5` is fine: labels and layers do not stand in the same places.
    if symbol.kind != "label" and is_built_in(name):
        raise RenameRefused(f"`{name}` is a layer")
    if any(session.documents[each].fault for each in session.documents):
        raise RenameRefused("a text that is open cannot be read")
    edits = [Edit(each.span, name) for each in references(session, document, symbol)]
    if any(not NAME.fullmatch(edit.span.text) for edit in edits):
        raise RenameRefused("a label that is computed or in quotes is changed by hand")
    changed: dict[Source, list[Edit]] = {}
    for edit in edits:
        changed.setdefault(edit.span.source, []).append(edit)
    texts = {source.name: apply(source.text, its) for source, its in changed.items()}
    # Each text is read as it would be, with all others as they would be.
    for source in changed:
        if meaning(session, source, {}) != meaning(session, source, texts):
            raise RenameRefused(f"if it were called `{name}`, something would have another meaning")
    return edits


def meaning(session: Session, source: Source, texts: Mapping[str, str]) -> object:
    """What a text means, however its names are spelt, with other texts in the place of files.

    That is what names in it mean the same, what a check of it finds, and the sizes of its nets.
    """
    reader = overlay(session.reader(Document(source.name, source.text)), texts)
    text = Source(source.name, texts.get(source.name, source.text))
    with pause_collector(), allow_deep_calls():
        module = Loader(reader).load(text)
    number: dict[NameMeaning, int] = {}
    # `a, b, a` is [0, 1, 0], however they are spelt; if b were called a, too, it would be [0, 0, 0].
    same = [number.setdefault(each.symbol, len(number)) for each in NameIndex(module).mentions]
    found = compiler.check(text, reader)
    return same, [d.code for d in found.diagnostics], [network.sizes for network in found.networks]


def overlay(read: Reader, texts: Mapping[str, str]) -> Reader:
    """Reads files as they would be."""

    def reader(path: str, source: Source) -> Source | Diagnostic | None:
        found = read(path, source)
        if isinstance(found, Source) and found.name in texts:
            return Source(found.name, texts[found.name])
        return found

    return reader
