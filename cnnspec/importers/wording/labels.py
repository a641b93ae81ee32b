"""Labels that can be left out: the name of the step would be the same without (rule 13 of the language)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

from cnnspec.elaborate.naming import NameScope
from cnnspec.importers.terms.formulas import Formula, evaluate
from cnnspec.importers.terms.formulas import name as name_
from cnnspec.importers.terms.terms import (
    IDENTITY,
    NONE,
    Again,
    Braces,
    Call,
    Chain,
    From,
    If,
    Join,
    Label,
    Repeat,
    Term,
    is_wired,
    label_text,
    map_terms,
    parse_label,
    rebuild,
    turns_of,
    walk,
)
from cnnspec.text.source import Source, Span

Names = Mapping[str, Any]

NOWHERE = Span(Source("", ""), 0, 0)


def leave_out(
    chain: Chain, is_net: bool, instances: Sequence[Names] = ({},), outputs: Collection[Target] = ()
) -> Chain:
    """The chain of a net or a block without labels that are not needed.

    `instances` has the values of the block's parameters, one row for each set of arguments that it is used
    with: a label stays where one of them needs it, or a wire or one of the `outputs` does. A step without
    tensors gets a label where the name that it has without is that of another.
    """
    read = targets(chain) | {*outputs}
    # a label that is added may be another step's name: until none clashes
    while True:
        found = Naming(read)
        for names in instances:
            found.visit(chain, NameScope("", is_net or is_wired(chain)), names)
        if not found.clashing:
            return found.without(chain)
        chain = found.labelled(chain)


def drop_places(chain: Chain, around: str | None = None, read: Collection[Target] | None = None) -> Chain:
    """The chain without labels of layers and blocks in braces that are their places there.

    So are those of the chain itself named where it is in braces: `around` is what these are called, "" where
    they are a block's. `read` are the labels that wires from elsewhere need.
    """
    read = targets(chain) if read is None else read

    def change(term: Term) -> Term:
        name = label_text(term.label) if isinstance(term, Braces) else None
        return rebuild(term, lambda inner: drop_places(inner, name, read))

    made = tuple(map(change, chain))
    if around is None:
        return made
    found = Naming(read)
    found.chain(made, NameScope(f"{around}." if around else "", False), {})
    return found.without(made, inside=False)


Target = tuple[Label, ...]
"""The labels of a path, or its last ones."""


def targets(chain: Chain) -> set[Target]:
    """The paths of all wires in a chain."""
    return {term.target for term in walk(chain) if isinstance(term, From | Again)}


class Naming:
    """Names the steps of chains as the language does, and compares with what their labels say."""

    def __init__(self, read: Collection[Target]) -> None:
        self.read = read
        self.needed: set[int] = set()  # terms whose label has to stand, by their identity
        self.holders: dict[str, Term] = {}  # of a name in the present instance
        self.clashing: dict[int, set[str]] = {}  # terms that need a label: what is around their names
        self.known: set[str] = set()
        self.counting: list[str] = []  # the names that count the turns of the loops around
        self.counted: dict[int, str] = {}  # the innermost of these names, for each term

    def visit(self, chain: Chain, scope: NameScope, names: Names) -> None:
        if not scope.prefix:
            self.holders = {}
        self.chain(chain, scope, names)

    def chain(self, chain: Chain, scope: NameScope, names: Names) -> None:
        for term in chain:
            if isinstance(term, Call) and term != NONE:
                self.call(term, scope, names)
            elif isinstance(term, Braces):
                path = self.take(term, *place_of(spelled(term.label, names), scope), "group")
                self.chain(term.body, NameScope(f"{path}.", False), names)
            elif isinstance(term, Join):
                for row in turns_of(term, names) if term.names else ({},):
                    for inner in term.paths:
                        self.turn(term, inner, scope, {**names, **row})
            elif isinstance(term, If):
                taken = term.then if evaluate(term.test, names) else term.otherwise
                self.chain(taken or (), scope, names)
            elif isinstance(term, Repeat):
                for row in turns_of(term, names):
                    self.turn(term, term.body, scope, {**names, **row})
            elif isinstance(term, Again) and term.label:
                self.hold(term, scope.reserve(spelled(term.label, names), NOWHERE)[0])

    def turn(self, loop: Repeat | Join, body: Chain, scope: NameScope, names: Names) -> None:
        counts = loop.names[:1] if isinstance(loop.rows, int | Formula) else ()
        self.counting += counts
        self.chain(body, scope, names)
        # without counts nothing: `[-0:]` would be all
        del self.counting[len(self.counting) - len(counts) :]

    def call(self, term: Call, scope: NameScope, names: Names) -> None:
        label, scope = place_of(spelled(term.label, names), scope)
        kind = str(evaluate(term.name, names)).lower()
        if kind == IDENTITY:
            if label:
                self.hold(term, scope.reserve(label, NOWHERE)[0])
                self.needed.add(id(term))
            return
        # its name without the label: conv2 in a net, 1 in braces
        trial = f"{kind}{scope.kinds.get(kind, 0) + 1}" if scope.by_kind else str(scope.count)
        has_dots = "." in spelled(term.label, names)
        # without tensors it bears a label for a wire; one with dots says that there are braces
        if label and (label != trial or not term.keyed or has_dots or self.is_read(label, scope)):
            self.needed.add(id(term))
        self.take(term, label, scope, kind)

    def is_read(self, label: str, scope: NameScope) -> bool:
        """Whether a wire may lead to a step of this label in this scope."""
        # compared from the end: `from conv2` may mean layer1.conv2
        path = [*scope.prefix.split(".")[:-1], label]
        return any(all(map(may_mean, reversed(target), reversed(path))) for target in self.read)

    def take(self, term: Term, label: str, scope: NameScope, kind: str) -> str:
        path, _ = scope.name(label or None, kind, NOWHERE)
        self.hold(term, path)
        return path

    def hold(self, term: Term, path: str) -> None:
        """Whoever has no tensors gives way where two steps have one name."""
        other = self.holders.setdefault(path, term)
        self.counted[id(term)] = self.counting[-1] if self.counting else ""
        self.known.add(path)
        if other is not term:
            yielding = next((t for t in (other, term) if isinstance(t, Call) and not t.label), None)
            if yielding is not None:
                around, dot, _ = path.rpartition(".")
                self.clashing.setdefault(id(yielding), set()).add(around + dot)

    def without(self, chain: Chain, inside: bool = True) -> Chain:
        """The chain without labels that need not stand, those in braces only where `inside`."""

        def change(term: Term) -> Term:
            if isinstance(term, Call) and term.label and id(term) not in self.needed:
                return term._replace(label=())
            if isinstance(term, Braces) and not inside:
                return term
            return rebuild(term, lambda inner: self.without(inner, inside))

        self.spread(chain)
        # and before two such numbers: where 3 and 4 have to stand, 2 stays as 5 does
        self.spread(chain[::-1])
        return tuple(map(change, chain))

    def spread(self, chain: Chain) -> None:
        """Behind two numbers that have to stand the number of a like step stays: they may be a repeat."""
        for one, two, three in zip(chain, chain[1:], chain[2:], strict=False):
            if {id(one), id(two)} <= self.needed and is_numbered(one, two, three):
                self.needed.add(id(three))

    def labelled(self, chain: Chain) -> Chain:
        def change(term: Term) -> Term:
            if isinstance(term, Call) and id(term) in self.clashing:
                label = self.free(str(term.name), self.clashing[id(term)], self.counted[id(term)])
                return term._replace(label=label)
            return term

        return map_terms(chain, change)

    def free(self, kind: str, around: set[str], counted: str) -> Label:
        """A label that stands for nothing else in these braces, nor at the end of a wire.

        It is another one in each turn of a loop that is `counted` by a name.
        """
        if counted:
            # in a loop by j: relu_1_{j}
            return (*self.free(kind, around, ""), "_", name_(counted))
        for number in count(1):
            name = f"{kind}_{number}"
            paths = {prefix + name for prefix in around}
            if not paths & self.known and not any(may_mean(target[-1], name) for target in self.read):
                break
        self.known |= paths
        return parse_label(name)


def place_of(label: str, scope: NameScope) -> tuple[str, NameScope]:
    """The last part of a label with dots, and the scope that its others name."""
    # convs.0 is 0 in the scope of convs
    *around, last = label.split(".")
    for part in around:
        scope, _ = scope.within(part, NOWHERE)
    return last, scope


def is_numbered(*terms: Term) -> bool:
    """Whether they are calls of one layer or block whose labels are numbers."""
    calls = [term for term in terms if isinstance(term, Call) and term.label]
    numbers = all(isinstance(part, int) for call in calls for part in call.label)
    return len(calls) == len(terms) and numbers and len({call.name for call in calls}) == 1


def may_mean(target: Label, label: str) -> bool:
    """Whether the label of a wire may come to this one, where it is computed."""
    parts = (r"-?\d+" if isinstance(part, Formula) else re.escape(str(part)) for part in target)
    return re.fullmatch("".join(parts), label) is not None


def spelled(label: Label, names: Names) -> str:
    return "".join(str(evaluate(part, names)) for part in label)
