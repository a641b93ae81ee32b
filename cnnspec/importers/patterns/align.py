"""Alignment: which steps of several chains belong together, in the forms in which they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from cnnspec.importers.terms.terms import (
    IDENTITY,
    NONE,
    Again,
    Braces,
    Call,
    Chain,
    Constant,
    From,
    Join,
    Label,
    Repeat,
    Term,
    label_text,
    map_terms,
    parse_label,
    rebuild,
    walk,
)
from cnnspec.importers.wording.arguments import written_arguments
from cnnspec.layers import FAMILIES
from cnnspec.layers.conv import Conv

ACTIVATIONS = {*FAMILIES["activation"]} - {IDENTITY, "softmax", "logsoftmax"}
"""They may stand in each other's place: then a parameter holds a layer."""

GAP = 1.0
OTHER_KERNEL = 0.5
"""What an alignment costs for a step that one side lacks, and for two with different kernels."""


Rows = Mapping[int, Chain]
"""Chains by their place among the chains that are unified: some may lack what others have."""


def with_joins(rows: Rows) -> Rows:
    """Where some rows lack a join that the others have once, the steps in its place are the path of one.

    Joins among them are such as that path has. Behind it stands what ends these rows as it ends the others.
    """
    for name in dict.fromkeys(name for row in rows.values() for name in joins(row)):
        models = [row for row in rows.values() if name in joins(row)]
        counts = {joins(row).count(name) for row in rows.values()}
        made = {
            place: row if name in joins(row) else with_join(row, models, name) for place, row in rows.items()
        }
        if counts == {0, 1} and None not in made.values():
            return {place: row for place, row in made.items() if row is not None}
    return rows


def joins(row: Chain) -> list[str]:
    return [term.name for term in row if isinstance(term, Join)]


def with_join(row: Chain, models: Sequence[Chain], name: str) -> Chain | None:
    """The row with the one join of this name that the models have, in which its steps are a path.

    Of two paths it is the first that has steps, and the other is not there; of more that of their form.
    """
    model = tuple(term for term in models[0] if not isinstance(term, Constant))
    place, join = next((i, term) for i, term in enumerate(model) if is_join_of(term, name))
    # conv, bn, relu beside add { conv, bn | identity }, relu: the relu ends both, conv and bn are the path
    own, ends = ([key(term) for term in each] for each in (row[place:], model[place + 1 :]))
    behind = next(n for n in range(len(ends), -1, -1) if own[len(own) - n :] == ends[len(ends) - n :])
    paths = [row[place : len(row) - behind]]
    others = [path for each in models for term in each if is_join_of(term, name) for path in term.paths]
    like = next((path for path in others if path_key(path) == path_key(paths[0])), None)
    if len(others) == 2 * len(models):
        full = 0 if others[0] else 1
        like = others[full]
        # the steps keep their place: `| conv | none`, or `| none | conv`
        paths.insert(1 - full, (NONE,))
    # fewer steps than stand beside the join: more than the join is lacking
    if like is None or len(row) < len(model) - 1 or not {*joins(row)} <= {*joins(like)}:
        return None
    return (*row[:place], join._replace(paths=tuple(paths)), *row[len(row) - behind :])


def is_join_of(term: Term, name: str) -> TypeGuard[Join]:
    return isinstance(term, Join) and term.name == name


def align(rows: Rows) -> list[dict[int, Term]]:
    """The steps of several rows side by side, those of one kind and label in one column, at least cost."""
    # the longest row first: the others lack some of its steps, and rarely have others
    order = sorted(rows, key=lambda place: -len(rows[place]))
    columns: list[dict[int, Term]] = [{order[0]: term} for term in rows[order[0]]]
    for place in order[1:]:
        columns = add_row(columns, place, rows[place])
    return columns


def add_row(columns: list[dict[int, Term]], place: int, row: Chain) -> list[dict[int, Term]]:
    """The columns with one more row, by edit distance."""
    # by the label that a later row must not contradict, where one has one: (), skip1, skip2 are two columns
    heads = [max(column.values(), key=lambda term: len(label_of(term))) for column in columns]
    # Wagner-Fischer: costs[i][j] is that of the first i columns and the first j steps of the row
    costs = [[GAP * (i + j) for j in range(len(row) + 1)] for i in range(len(heads) + 1)]
    for i, head in enumerate(heads, 1):
        for j, term in enumerate(row, 1):
            gap = GAP + min(costs[i - 1][j], costs[i][j - 1])
            costs[i][j] = min(gap, costs[i - 1][j - 1] + mismatch(head, term))
    found: list[dict[int, Term]] = []
    # back along the cheapest way: of ways that cost as much the one by which the last steps belong together
    i, j = len(heads), len(row)
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + mismatch(heads[i - 1], row[j - 1]):
            i, j = i - 1, j - 1
            found.append({**columns[i], place: row[j]})
        elif i and costs[i][j] == costs[i - 1][j] + GAP:
            i -= 1
            found.append(columns[i])
        else:
            j -= 1
            found.append({place: row[j]})
    return found[::-1]


def beside(joins: Mapping[int, Join]) -> list[dict[int, Chain]] | None:
    """The paths of joins side by side: those of one form, where the joins have them in one order.

    Else as they stand, where they are as many; None where they are not. A path that some joins lack is `none`
    there.
    """
    # [a, b, c] and [a, c]: c stands in the third place of both, and b is `none` in the second join
    keys = {place: path_keys(join.paths) for place, join in joins.items()}
    known = {key: number for row in keys.values() for number, key in enumerate(row)}
    are_as_many = len({*map(len, keys.values())}) == 1
    are_in_place = all(known[key] == number for row in keys.values() for number, key in enumerate(row) if key)
    heads = None if are_as_many and are_in_place else merged(list(keys.values()))
    if heads is not None:
        rows: dict[int, dict[object, Chain]] = {
            place: dict(zip(keys[place], join.paths, strict=True)) for place, join in joins.items()
        }
        return [{place: row.get(head, (NONE,)) for place, row in rows.items()} for head in heads]
    if not are_as_many:
        return None
    columns = zip(*(join.paths for join in joins.values()), strict=True)
    return [dict(zip(joins, column, strict=True)) for column in columns]


def merged(rows: Sequence[Sequence[object]]) -> list[object] | None:
    """One list in which each of the lists, the longest first, stands in its order; None: there is none."""
    found: list[object] = []
    for row in sorted(rows, key=len, reverse=True):
        at = 0
        for key in row:
            # [a, b, c] and [a, c] are a, b, c; of [a, b] and [b, a] there is no such list
            if key in found[:at]:
                return None
            if key not in found:
                found.insert(at, key)
            at = found.index(key) + 1
    return found


def path_keys(paths: Sequence[Chain]) -> list[tuple[object, ...]]:
    """What tells the paths of a join apart: their form, and the how many-th of that form each is."""
    forms = [path_key(path) for path in paths]
    return [(*form, forms[:place].count(form)) if form else () for place, form in enumerate(forms)]


def path_key(path: Chain) -> tuple[object, ...]:
    """What paths of one form have in common: the labels of their steps, or what these are."""
    return tuple(
        getattr(term, "label", ()) or (term.name if isinstance(term, Call | Join) else type(term))
        for term in path
    )


def mismatch(one: Term, two: Term) -> float:
    """What it costs to put two steps into one column; infinite where they are not of one kind."""
    if key(one) != key(two) or (label_of(one) and label_of(two) and label_of(one) != label_of(two)):
        return float("inf")
    if isinstance(one, Join) and isinstance(two, Join):
        return 0.0 if beside({0: one, 1: two}) is not None else float("inf")
    if isinstance(one, Call) and isinstance(two, Call):
        first, second = dict(one.arguments), dict(two.arguments)
        return OTHER_KERNEL * any(first.get(n) != second.get(n) for n in ("kernel", "window"))
    return 0.0


def label_of(term: Term) -> Label:
    return term.label if isinstance(term, Call) else ()


def key(term: Term) -> object:
    """What steps of one column have in common."""
    if isinstance(term, Call):
        # without tensors a label is no name that has to be kept: a wire may lead to any
        label = term.label if term.keyed else ()
        return "activation" if is_activation(term) else (term.name, label, term.keyed)
    if isinstance(term, Braces):
        return Braces, term.label
    if isinstance(term, Join):
        return Join, term.name
    return Repeat if isinstance(term, Repeat) else term


def is_activation(term: Term) -> bool:
    """Whether it is an activation without tensors, with its default arguments, which a parameter may hold."""
    if not isinstance(term, Call) or term.label or term.keyed or not isinstance(term.name, str):
        return False
    return term.name in ACTIVATIONS and not written_arguments(term.name, term.arguments)


def as_convolutions(chains: Sequence[Chain]) -> list[Chain]:
    """Where some chains have a convolution in the place of a depthwise one, that is one in groups."""
    kinds: dict[object, set[object]] = {}
    for chain in chains:
        for term in walk(chain):
            if isinstance(term, Call) and term.keyed:
                kinds.setdefault(term.label, set()).add(term.name)
        first = next((term for term in walk(chain) if isinstance(term, Call)), None)
        kinds.setdefault("first", set()).add(first.name if first is not None else "")
    mixed = {label for label, names in kinds.items() if names >= {"conv", "depthwise"}}

    def change(term: Term) -> Term:
        # where first steps differ all are: `solve` turns back what is depthwise in every chain
        if isinstance(term, Call) and term.name == "depthwise" and mixed & {"first", term.label}:
            return grouped(term)
        return term

    return [map_terms(chain, change) for chain in chains]


def grouped(call: Call) -> Call:
    """A depthwise convolution as one in as many groups as channels arrive."""
    given = dict(call.arguments)
    given["count"] = call.channels * given.pop("multiplier")
    given["groups"] = call.channels
    order = ["count", "kernel", *(name for name in Conv.arguments if name not in ("filter", "in"))]
    return call._replace(name="conv", arguments=tuple((name, given[name]) for name in order))


def with_depthwise(chain: Chain) -> Chain:
    """A convolution in as many groups as channels arrive, with as many filters, is a depthwise one."""

    def change(term: Term) -> Term:
        if not isinstance(term, Call) or term.name != "conv":
            return term
        given = dict(term.arguments)
        if not given["count"] == given.get("groups") == term.channels:
            return term
        kept = tuple((n, v) for n, v in term.arguments if n not in ("count", "groups"))
        return term._replace(name="depthwise", arguments=kept)

    return map_terms(chain, change)


def as_dotted(chains: Sequence[Chain]) -> list[Chain]:
    """Where some chains open braces by labels with dots, the others do so, too, but for braces with wires."""
    terms = (term for chain in chains for term in walk(chain))
    labels = {label_text(term.label) for term in terms if isinstance(term, Call | Braces)}
    opened = {label.rpartition(".")[0] for label in labels if "." in label}

    def change(term: Term) -> Term | Chain:
        if isinstance(term, Braces) and label_text(term.label) in opened and not has_wires(term.body):
            return within(term)
        return term

    return [map_terms(chain, change) for chain in chains] if opened else list(chains)


def has_wires(chain: Chain) -> bool:
    return any(isinstance(term, From | Again) for term in walk(chain))


def within(braces: Braces) -> Chain:
    """What stands in braces, by labels with dots: it opens them itself. What has none is its place there."""
    place = 0

    def prefixed(term: Term) -> Term:
        nonlocal place
        if not isinstance(term, Call | Braces):
            return rebuild(term, lambda chain: tuple(map(prefixed, chain)))
        own = label_text(term.label) or str(place)
        # a number as label sets the count, as the language has it
        place = 1 + (int(own) if own.isdecimal() else place)
        if isinstance(term, Call) and not term.keyed and not term.label:
            return term
        return term._replace(label=parse_label(f"{label_text(braces.label)}.{own}"))

    return tuple(map(prefixed, braces.body))
