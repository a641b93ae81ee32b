"""Terms: what a specification will say, before it is text. A chain is a tuple of them.

They hold no places and no values that flow, so that two that say the same are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.importers.terms.formulas import Formula, evaluate, names_in

Label = tuple[str | int | Formula, ...]
"""The words and the numbers of a name: `layer1` is ("layer", 1). Without parts there is none."""

Arguments = tuple[tuple[str, Any], ...]
"""Values or formulas by name; the two parts of a filter are `count` and `kernel`."""


class Call(NamedTuple):
    """A layer or a block. `keyed`: tensors bear its name, so its label is what its name has to be."""

    name: str | Formula
    arguments: Arguments
    label: Label = ()
    keyed: bool = False
    channels: Any = 0  # that arrive


class Braces(NamedTuple):
    """Labelled braces. `kind`: the module's class, of which a block may be made."""

    label: Label
    body: Chain
    kind: str = ""
    channels: Any = 0  # that arrive
    leaving: Any = 0


class Join(NamedTuple):
    """A join; a path without a step is `identity`. With `names`, its paths are made once for each row.

    Its arguments are values, never formulas.
    """

    name: str
    paths: tuple[Chain, ...]
    # `concat for pad in [6, 12] { | … }`: names ("pad",), rows Items((6, 12)), one path
    names: tuple[str, ...] = ()
    rows: Any = None
    arguments: Arguments = ()


class If(NamedTuple):
    test: Any
    then: Chain
    otherwise: Chain | None = None


class Repeat(NamedTuple):
    """`rows` is how many times, or has a value or a row of values for the names, turn by turn."""

    # `repeat i, width in [[1, 64], [2, 128]]`: rows Items((Items((1, 64)), Items((2, 128))))
    names: tuple[str, ...]
    rows: Any
    body: Chain


class Constant(NamedTuple):
    """A name for a value that is computed where it stands."""

    name: str
    value: Any


class From(NamedTuple):
    # `from layer1.conv2`: (("layer", 1), ("conv", 2))
    target: tuple[Label, ...]


class Again(NamedTuple):
    target: tuple[Label, ...]
    label: Label = ()


Term = Call | Braces | Join | If | Repeat | Constant | From | Again
Chain = tuple[Term, ...]

NONE = Call("none", ())
"""Alone in a path: the path is not there."""
IDENTITY = "identity"


def chains(term: Term) -> tuple[Chain, ...]:
    """The chains that a term holds."""
    if isinstance(term, Braces | Repeat):
        return (term.body,)
    if isinstance(term, Join):
        return term.paths
    if isinstance(term, If):
        return (term.then,) if term.otherwise is None else (term.then, term.otherwise)
    return ()


def rebuild(term: Term, change: Callable[[Chain], Chain]) -> Term:
    """The term with each of its chains changed."""
    if isinstance(term, Braces | Repeat):
        return term._replace(body=change(term.body))
    if isinstance(term, Join):
        return term._replace(paths=tuple(map(change, term.paths)))
    if isinstance(term, If):
        otherwise = None if term.otherwise is None else change(term.otherwise)
        return term._replace(then=change(term.then), otherwise=otherwise)
    return term


def map_terms(chain: Chain, change: Callable[[Term], Term | Chain]) -> Chain:
    """The chain with a term, or several, in place of each, those first that stand in others."""
    found: list[Term] = []
    for term in chain:
        made = change(rebuild(term, lambda inner: map_terms(inner, change)))
        found += (made,) if isinstance(made, Term) else made
    return tuple(found)


def turns_of(loop: Repeat | Join, names: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
    """The values of the names of a loop, turn by turn; `names` are those of the names around it."""
    rows = evaluate(loop.rows, names)
    if isinstance(rows, int):
        return [dict.fromkeys(loop.names, turn) for turn in range(rows)]
    if len(loop.names) == 1:
        return [{loop.names[0]: value} for value in rows]
    return [dict(zip(loop.names, row, strict=True)) for row in rows]


def walk(chain: Chain) -> Iterator[Term]:
    """All terms of a chain, each before those that it holds."""
    for term in chain:
        yield term
        for inner in chains(term):
            yield from walk(inner)


def values_of(chain: Chain) -> Iterator[tuple[str, Any]]:
    """All values of a chain with their roles, in the order of the text."""
    for term in walk(chain):
        yield from own_values(term)


def names_read(chain: Chain) -> set[str]:
    """The names that the formulas of a chain read."""
    return {each for _, value in values_of(chain) for each in names_in(value)}


def own_values(term: Term) -> Iterator[tuple[str, Any]]:
    """The values of a term with their roles, without those of the chains that it holds."""
    if isinstance(term, Call):
        yield "name", term.name
        yield from term.arguments
    if isinstance(term, Call | Braces):
        yield from (("label", part) for part in term.label)
    if isinstance(term, From | Again):
        yield from (("label", part) for label in term.target for part in label)
    if isinstance(term, Repeat | Join) and term.rows is not None:
        yield "rows" if isinstance(term, Repeat) else "paths", term.rows
    if isinstance(term, If):
        yield "test", term.test


def map_values(chain: Chain, change: Callable[[Any], Any]) -> Chain:
    """The chain with each value changed that `values_of` gives."""

    def changed(term: Term) -> Term:
        if isinstance(term, Call | Braces):
            term = term._replace(label=tuple(map(change, term.label)))
        if isinstance(term, Call):
            arguments = tuple((argument, change(value)) for argument, value in term.arguments)
            return term._replace(name=change(term.name), arguments=arguments)
        if isinstance(term, From | Again):
            return term._replace(target=tuple(tuple(map(change, label)) for label in term.target))
        if isinstance(term, Repeat | Join):
            return term._replace(rows=change(term.rows))
        return term._replace(test=change(term.test)) if isinstance(term, If) else term

    return map_terms(chain, changed)


def is_wired(chain: Chain) -> bool:
    """Whether a join or a `from` stands in it, so that its steps are named by their kinds."""
    return any(isinstance(term, Join | From) for term in walk(chain))


def weight(chain: Chain) -> int:
    """About how many words of steps a reader meets: how long it is."""
    return sum(map(weigh, chain))


def weigh(term: Term) -> int:
    if isinstance(term, Join):
        # a path without steps is written, too: `identity`
        return 1 + sum(max(1, weight(path)) for path in term.paths)
    if term == NONE:
        return 0
    return 1 + sum(map(weight, chains(term)))


def parse_label(text: str) -> Label:
    """`inception3a` is ("inception", 3, "a"). Digits behind a leading zero stay text."""
    parts: list[str | int | Formula] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or text[place].isdecimal() != text[start].isdecimal():
            run = text[start:place]
            number = run.isascii() and run.isdecimal() and str(int(run)) == run
            parts.append(int(run) if number else run)
            start = place
    return tuple(parts)


def label_text(label: Label) -> str:
    """The name that a label without formulas is."""
    return "".join(map(str, label))
