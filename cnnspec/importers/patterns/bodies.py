"""The body of a block: its pattern with formulas for all columns, its parameters and its constants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from cnnspec.importers.patterns.align import with_depthwise
from cnnspec.importers.patterns.solve import (
    ARRIVING,
    CUTS,
    FULL,
    WIDTHS,
    BlockParameter,
    Slot,
    Solver,
    commonest,
)
from cnnspec.importers.terms.columns import ABSENT, Column, columns_in, same
from cnnspec.importers.terms.formulas import Formula, evaluate, name, names_in, parts, substitute
from cnnspec.importers.terms.terms import (
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
    chains,
    label_text,
    map_values,
    names_read,
    rebuild,
    values_of,
)
from cnnspec.importers.wording.free_names import is_name


class Solved(NamedTuple):
    """A block: its parameters, its constants, its body."""

    parameters: tuple[BlockParameter, ...]
    constants: tuple[tuple[str, Formula], ...]
    body: Chain

    def names(self, place: int, entry: int) -> dict[str, Any]:
        """The values of the names of the block in one of its instances, which so many channels enter."""
        found = {parameter.name: parameter.values[place] for parameter in self.parameters}
        found["in.channels"] = entry
        for constant, formula in self.constants:
            found[constant] = evaluate(formula, found)
        return found


def solve(pattern: Chain, entries: Sequence[int], leaving: Sequence[int]) -> Solved:
    """The block of a pattern. Raises Unalike where it would have too many parameters."""
    pattern = with_depthwise(pattern)
    solver = Solver(entries, leaving, [*slots_of(pattern, Column(tuple(leaving)))])
    # what all instances have comes first: what some lack may then be a formula of it
    for slot in sorted(solver.slots, key=lambda slot: ABSENT in slot.column.values):
        solver.value(slot)
    # conditions come last, as `solved` meets them: they are of the parameters that there are by then
    body = name_output(solver, solved(pattern, solver, True))
    used = names_read(body).union(*(names_in(formula) for formula, _ in solver.constants.values()))
    parameters = [p._replace(default=default_of(p)) for p in solver.parameters if p.name in used]
    # parameters with a default stand behind those without, as the language wants
    parameters.sort(key=lambda parameter: parameter.default is not ...)
    constants = [(FULL.operands[0], ARRIVING)] if names_in(FULL) <= used else []
    constants += [(constant, formula) for constant, (formula, _) in solver.constants.items()]
    return Solved(tuple(parameters), tuple(constants), body)


def default_of(parameter: BlockParameter) -> Any:
    """The commonest value where most instances have it; of widths 0, where a third lack their step."""
    if parameter.role in WIDTHS and 3 * parameter.values.count(0) >= len(parameter.values):
        return 0
    usual = commonest(parameter.values)
    often = 2 * sum(same(usual, value) for value in parameter.values) > len(parameter.values)
    return usual if often and (parameter.role not in WIDTHS or parameter.role == "groups") else ...


def slots_of(chain: Chain, leaving: Any) -> Iterator[Slot]:
    """The columns of a pattern in the order of its text, without conditions.

    `leaving` are the channels behind the chain, 0 where they are not known.
    """
    for place, term in enumerate(chain):
        behind = arriving(chain[place + 1 :], leaving)
        if isinstance(term, Call):
            if isinstance(term.name, Column):
                yield Slot(term.name, "name")
            for argument, value in term.arguments:
                for column in columns_in(value):
                    yield slot_of(column, argument, value, term)._replace(behind=behind)
        elif isinstance(term, Repeat | Join) and isinstance(term.rows, Column):
            yield slot_of_rows(term)
        # of a concatenation each path makes but a part of the channels behind it
        ends = 0 if isinstance(term, Join) and term.name == "concat" else behind
        for inner in chains(term):
            slots = slots_of(inner, ends)
            yield from map(as_squeeze, slots) if is_gate(term, inner) else slots


def is_gate(term: Term, path: Chain) -> bool:
    """Whether a path is the squeeze and excitation of a gate: it begins with the mean of each channel."""
    first = path[0] if path else None
    is_pool = isinstance(first, Call) and first.name in ("globalavgpool", "mean")
    return isinstance(term, Join) and term.name == "mul" and is_pool


def as_squeeze(slot: Slot) -> Slot:
    """The slot of a width in such a gate, which is to be called so."""
    return slot._replace(words="squeeze") if slot.role == "count" else slot


def arriving(chain: Chain, leaving: Any) -> Any:
    """The channels that arrive at a chain, by instance where they differ; 0 where they are not known."""
    for place, term in enumerate(chain):
        if isinstance(term, If) and isinstance(term.test, Column):
            rest = arriving(chain[place + 1 :], leaving)
            branches = {True: arriving(term.then, rest), False: arriving(term.otherwise or (), rest)}
            # instance by instance: yes has what arrives at `then`, no at `else`, absent nothing
            given = (branches.get(taken, ABSENT) for taken in term.test.values)
            return Column(tuple(c.values[k] if isinstance(c, Column) else c for k, c in enumerate(given)))
        if isinstance(term, Join):
            return next((found for path in term.paths if (found := arriving(path, 0))), 0)
        if isinstance(term, From | Again):
            return 0
        if isinstance(term, Call | Braces) and term.channels:
            return term.channels
    return leaving


def slot_of(column: Column, argument: str, value: Any, term: Call) -> Slot:
    """The slot of a column that is the value of an argument, or a choice of it, or that counts steps."""
    # of `p=0.2 * (j + column) / 16` the column counts steps, whatever the argument is
    is_own = value is column or argument in CUTS or (isinstance(value, Formula) and value.operator == "if")
    return Slot(column, argument if is_own else "index", term.channels)


def slot_of_rows(term: Repeat | Join) -> Slot:
    return Slot(term.rows, "rows" if isinstance(term, Repeat) else "paths")


def words(term: If) -> str:
    """What a flag that tells of a step is called: as the step; of a path, that it adds what arrives."""
    if not term.then and term.otherwise == (NONE,):
        return "residual"
    first = term.then[0] if term.then else None
    label, *_ = label_text(first.label).split(".") if isinstance(first, Call | Braces) else [""]
    if is_name(label):
        return label
    if isinstance(first, Braces) and isinstance(first.body[0], Join) and first.body[0].name == "mul":
        return "gate"
    # of ConvNorm it is `conv`
    word = re.match(r"[A-Z]?[a-z0-9]*", str(first.name)) if isinstance(first, Call) else None
    return word.group().lower() if word else ""


def solved(chain: Chain, solver: Solver, at_start: bool, places: Sequence[int] = ()) -> Chain:
    """The chain with formulas for columns. `places` are the instances that have it, where not all do.

    `at_start`: what enters the block enters it.
    """
    found = []
    for term in chain:
        found.append(with_formulas(term, solver, at_start, places))
        # a constant makes no value: the step behind it takes what enters, too
        at_start = at_start and isinstance(term, Constant)
    return tuple(found)


def with_formulas(term: Term, solver: Solver, at_start: bool, places: Sequence[int]) -> Term:
    if isinstance(term, If) and isinstance(term.test, Column):
        rows = [
            [place for place, value in enumerate(term.test.values) if value is taken]
            for taken in (True, False)
        ]
        then = solved(term.then, solver, at_start, rows[0])
        otherwise = None if term.otherwise is None else solved(term.otherwise, solver, at_start, rows[1])
        used = names_read((*then, *(otherwise or ())))
        return If(solver.test(Slot(term.test, "test", 0, words(term), at_start), used), then, otherwise)
    enters = at_start and not isinstance(term, Repeat)  # only its first turn
    term = rebuild(term, lambda inner: solved(inner, solver, enters, places))
    if isinstance(term, Call):
        arguments = []
        for argument, value in term.arguments:
            columns = {c: solver.value(slot_of(c, argument, value, term)) for c in columns_in(value)}
            found = solver.general(argument, value, places) if not columns else substitute(value, columns)
            arguments.append((argument, found))
        called = solver.value(Slot(term.name, "name")) if isinstance(term.name, Column) else term.name
        return term._replace(name=called, arguments=tuple(arguments))
    if isinstance(term, Repeat | Join) and isinstance(term.rows, Column):
        return term._replace(rows=solver.value(slot_of_rows(term)))
    return term


def name_output(solver: Solver, body: Chain) -> Chain:
    """The body with a constant for what is computed for the channels that leave, where it comes often."""
    if occurrences(body, FULL):
        return body
    for formula in solver.computed_outputs():
        # where the constant stands `in.channels` is what enters the block
        is_product = formula.operator == "*" and ARRIVING not in parts(formula)
        if is_product and occurrences(body, formula) >= 3 and solver.free(("out",)) == "out":
            solver.constants["out"] = (formula, solver.leaving)
            return map_values(body, partial(substitute, given={formula: name("out")}))
    return body


def occurrences(chain: Chain, formula: Formula) -> int:
    return sum(formula in parts(value) for _, value in values_of(chain))
