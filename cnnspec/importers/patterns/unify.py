"""Anti-unification: several chains as one pattern, in which what differs is a column of values.

It is a function of the chains alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from cnnspec.importers.patterns.align import Rows, align, as_convolutions, beside, is_activation, with_joins
from cnnspec.importers.terms.columns import ABSENT, Column, Unalike, same
from cnnspec.importers.terms.formulas import Formula, LayerName
from cnnspec.importers.terms.terms import (
    IDENTITY,
    NONE,
    Again,
    Braces,
    Call,
    Chain,
    Constant,
    From,
    If,
    Join,
    Repeat,
    Term,
)


def unify(chains: Sequence[Chain], strict: bool = False) -> Chain:
    """The pattern of several chains. `strict`: they have the same steps. Raises Unalike."""
    chains = chains if strict else as_convolutions(chains)
    return Unifier(len(chains), strict).chain(dict(enumerate(chains)))


class Unifier:
    def __init__(self, size: int, strict: bool) -> None:
        self.size, self.strict = size, strict

    def chain(self, rows: Rows) -> Chain:
        if self.strict:
            if len({len(row) for row in rows.values()}) > 1:
                raise Unalike
            columns = [dict(zip(rows, terms, strict=True)) for terms in zip(*rows.values(), strict=True)]
        else:
            columns = align(with_joins(rows))
        segments: list[Segment] = []
        for place, column in enumerate(columns):
            other = stand_in(columns, place) if len(column) < len(rows) else None
            if other is not None:
                column = {row: column.get(row, other) for row in rows}
            # a, c, z and b, z are `if { a, c } else { b }, z`: c goes on behind a, for b is never with it
            home = segment_for(segments, frozenset(column), len(rows))
            home.append(self.term(column))
        return self.conditions(segments, rows)

    def conditions(self, segments: list[Segment], rows: Rows) -> Chain:
        """What all rows have, and an `if` about what some have; two that exclude each other are one."""
        found: list[Term] = []
        for segment in segments:
            if len(segment.present) == len(rows):
                found += segment.steps
                continue
            test = self.column({place: place in segment.present for place in rows})
            for is_constant, terms in groupby(segment.steps, lambda term: isinstance(term, Constant)):
                last = found[-1] if found else None
                if is_constant:  # which braces would hide
                    found += terms
                elif isinstance(last, If) and last.otherwise is None and opposite(last.test) == test:
                    found[-1] = last._replace(otherwise=tuple(terms))
                else:
                    found.append(If(test, tuple(terms)))
        return tuple(found)

    def column(self, values: Mapping[int, Any]) -> Any:
        """One value where all are equal, else a column of them; of formulas a formula of columns."""
        given = list(values.values())
        first = given[0]
        if all(same(value, first) for value in given):
            return first
        if any(value is None for value in given):
            raise Unalike  # some have an argument that others cannot be given
        formulas = [value for value in given if isinstance(value, Formula)]
        if formulas:
            return self.formula(values, formulas[0])
        return Column(tuple(values.get(place, ABSENT) for place in range(self.size)))

    def formula(self, values: Mapping[int, Any], form: Formula) -> Any:
        """A formula whose operands are columns. A plain value is a choice between it and itself."""
        if form.operator == "name":
            raise Unalike
        lifted = {}
        for place, value in values.items():
            if form.operator == "if" and not isinstance(value, Formula):
                # 2 beside `1 if j == 0 else 3` is `2 if j == 0 else 2`
                value = Formula("if", (form.operands[0], value, value))
            if not isinstance(value, Formula) or value.operator != form.operator:
                raise Unalike
            lifted[place] = value
        operands = zip(*(value.operands for value in lifted.values()), strict=True)
        return Formula(
            form.operator, tuple(self.column(dict(zip(lifted, each, strict=True))) for each in operands)
        )

    def term(self, terms: Mapping[int, Term]) -> Term:
        first = next(iter(terms.values()))
        if any(type(term) is not type(first) for term in terms.values()):
            raise Unalike
        return UNIFIED[type(first)](self, terms)

    def call(self, terms: Mapping[int, Call]) -> Term:
        """A layer or a block; of activations that differ, the name is a column."""
        first = next(iter(terms.values()))
        label = self.label(terms)
        channels = self.column({place: term.channels for place, term in terms.items()})
        if len({term.name for term in terms.values()}) > 1:
            if not all(is_activation(term) or term.name == IDENTITY for term in terms.values()):
                raise Unalike
            names = {place: LayerName(term.name) for place, term in terms.items()}
            return Call(self.column(names), (), label, first.keyed, channels)
        if len({tuple(name for name, _ in term.arguments) for term in terms.values()}) > 1:
            raise Unalike
        arguments = tuple(
            (name, self.column({place: term.arguments[number][1] for place, term in terms.items()}))
            for number, (name, _) in enumerate(first.arguments)
        )
        return Call(first.name, arguments, label, first.keyed, channels)

    def label(self, terms: Mapping[int, Call | Braces]) -> tuple[Any, ...]:
        """Their label. That of a step without tensors is for wires alone: those that lack it may have it."""
        labels = {place: term.label for place, term in terms.items()}
        is_free = all(isinstance(term, Call) and not term.keyed for term in terms.values())
        if is_free and not self.strict and () in labels.values():
            labels = dict.fromkeys(labels, max(labels.values(), key=len))
        return self.parts(labels)

    def parts(self, labels: Mapping[int, tuple[Any, ...]]) -> tuple[Any, ...]:
        """The parts of a label, numbers that differ as columns."""
        first = next(iter(labels.values()))
        if any(len(label) != len(first) for label in labels.values()):
            raise Unalike
        parts = [
            self.column({place: label[number] for place, label in labels.items()})
            for number in range(len(first))
        ]
        # labels are keys: instances have the same, only turns of a repeat may count
        for part in parts:
            if isinstance(part, Column) and (
                not self.strict or not all(isinstance(value, int) for value in part.values)
            ):
                raise Unalike
        return tuple(parts)

    def braces(self, terms: Mapping[int, Braces]) -> Term:
        first = next(iter(terms.values()))
        body = self.chain({place: term.body for place, term in terms.items()})
        channels = self.column({place: term.channels for place, term in terms.items()})
        leaving = self.column({place: term.leaving for place, term in terms.items()})
        return Braces(self.label(terms), body, first.kind, channels, leaving)

    def join(self, terms: Mapping[int, Join]) -> Term:
        first = next(iter(terms.values()))
        paths = beside(terms)
        heads = {(term.name, term.arguments, term.names) for term in terms.values()}
        if paths is None or len(heads) > 1:
            raise Unalike
        rows = self.rows(terms) if first.names else None
        return first._replace(rows=rows, paths=tuple(map(self.path, paths)))

    def path(self, rows: Rows) -> Chain:
        """A path: where it is `identity` or `none` in some rows, an `if` that is the whole path."""
        bare = {place: row for place, row in rows.items() if not row or row == (NONE,)}
        if len({*rows.values()}) == 1:
            return next(iter(rows.values()))
        if not bare:
            return self.chain(rows)
        full = {place: row for place, row in rows.items() if place not in bare}
        # without steps in any row: `if … { identity } else { none }`
        if not full:
            full = {place: row for place, row in bare.items() if not row}
        others = {place: row for place, row in rows.items() if place not in full}
        otherwise = self.path(others)
        then = self.chain(full) if any(full.values()) else ()
        return (If(self.column({place: place in full for place in rows}), then, otherwise),)

    def repeat(self, terms: Mapping[int, Repeat]) -> Term:
        names = max((term.names for term in terms.values()), key=len)
        if any(term.names not in ((), names) for term in terms.values()):
            raise Unalike
        return Repeat(
            names, self.rows(terms), self.chain({place: term.body for place, term in terms.items()})
        )

    def rows(self, terms: Mapping[int, Repeat | Join]) -> Any:
        """How often loops run, or what over."""
        rows = self.column({place: term.rows for place, term in terms.items()})
        # how often is a parameter, a table is none
        if isinstance(rows, Column) and not all(isinstance(rows.values[p], int) for p in rows.present):
            raise Unalike
        return rows

    def wire(self, terms: Mapping[int, From]) -> Term:
        """A wire to labels that may differ in their numbers."""
        targets = {place: term.target for place, term in terms.items()}
        if len({*map(len, targets.values())}) > 1:
            raise Unalike
        depth = len(next(iter(targets.values())))
        labels = [self.parts({place: target[k] for place, target in targets.items()}) for k in range(depth)]
        return From(tuple(labels))

    def equal(self, terms: Mapping[int, Term]) -> Term:
        """Wires and choices, which are alike where they are equal."""
        if len({*terms.values()}) > 1:
            raise Unalike
        return next(iter(terms.values()))


UNIFIED: dict[type, Callable[[Unifier, Any], Term]] = {
    Call: Unifier.call,
    Braces: Unifier.braces,
    Join: Unifier.join,
    Repeat: Unifier.repeat,
    If: Unifier.equal,
    Constant: Unifier.equal,
    From: Unifier.wire,
    Again: Unifier.equal,
}


def stand_in(columns: Sequence[Mapping[int, Term]], place: int) -> Call | None:
    """What may stand where some rows lack a step: a name for wires, or `identity` for an activation.

    None where there is nothing, or where they lack the step beside the activation, too.
    """
    column = columns[place]
    first = next(iter(column.values()))
    if isinstance(first, Call) and first.name == IDENTITY and first.label:
        return first  # a name that no wire leads to does no harm
    beside = [*columns[max(0, place - 1) : place], *columns[place + 1 : place + 2]]
    # of conv, relu, z and z the relu is in the conv's `if`; of conv, relu, z and conv, z a parameter
    together = any(
        other.keys() == column.keys() and not is_activation(next(iter(other.values()))) for other in beside
    )
    return Call(IDENTITY, ()) if is_activation(first) and not together else None


class Segment:
    """Steps that the same rows have."""

    def __init__(self, present: frozenset[int]) -> None:
        self.present = present
        self.steps: list[Term] = []


def segment_for(segments: list[Segment], present: frozenset[int], every: int) -> list[Term]:
    """The segment of the same rows that a step goes on with, if only steps of other rows stand between."""
    for segment in reversed(segments):
        if segment.present == present:
            return segment.steps
        if segment.present & present or len(segment.present) == every:
            break
    segments.append(Segment(present))
    return segments[-1].steps


def opposite(test: Any) -> Any:
    if not isinstance(test, Column):
        return None
    return Column(tuple(value if value is ABSENT else not value for value in test.values))
