"""From a flat model to a specification: scopes, terms, blocks, repeats, text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from cnnspec.importers.labels import leave_out
from cnnspec.importers.model import Model
from cnnspec.importers.scopes import Cutter
from cnnspec.importers.terms import Call, Chain, Term, parse_label, rebuild, walk
from cnnspec.importers.text import NetText, reference, specification
from cnnspec.importers.wires import NetChain, Path, net_chain

COMMON = (("batchnorm", "eps"), ("batchnorm", "momentum"), ("layernorm", "eps"), ("groupnorm", "eps"))
"""Arguments that networks choose once for all their layers."""


def write_flat(model: Model) -> str:
    """The specification of a model without blocks or repeats. Raises Refused."""
    items = Cutter(model).items(model.operations)
    found = net_chain(items, model)
    defaults = [*common(found.chain)]
    outputs = [parse_label(path[-1]) for path in found.outputs]
    chain = leave_out(without(found.chain, defaults), is_net=True, outputs=outputs)
    return specification([], net_text(model, found, tuple(defaults), chain))


def net_text(
    model: Model, found: NetChain, defaults: tuple[tuple[str, str, Any], ...], chain: Chain
) -> NetText:
    inputs = [f"input {given.value.shape}" for given in model.inputs]
    if found.inputs:
        words = [reference(parse_label(word)) for word in found.inputs]
        inputs = [f"{word}: {line}" for word, line in zip(words, inputs, strict=True)]
    return NetText(model.name, tuple(inputs), defaults, chain, tuple(output_lines(model, found.outputs)))


def output_lines(model: Model, paths: Sequence[Path]) -> Iterator[str]:
    """`output` lines, one for neighbours that are alike; none where the last value is the output."""
    named = zip(model.outputs, paths, strict=False)
    for training, group in groupby(named, key=lambda pair: pair[0].training):
        targets = [".".join(reference(parse_label(word)) for word in path) for _, path in group]
        yield f"output {' '.join(targets)}" + (" train=yes" if training else "")


def common(chain: Chain) -> Iterator[tuple[str, str, Any]]:
    """Arguments that all layers of a kind have with one value, of those that networks choose once."""
    calls = [term for term in walk(chain) if isinstance(term, Call)]
    for kind, name in COMMON:
        values = [dict(call.arguments).get(name) for call in calls if call.name == kind]
        if len(values) > 1 and len({*values}) == 1 and values[0] is not None:
            yield kind, name, values[0]


def without(chain: Chain, defaults: list[tuple[str, str, Any]]) -> Chain:
    """The chain without arguments that a default gives."""
    known = {(kind, name) for kind, name, _ in defaults}

    def change(term: Term) -> Term:
        if isinstance(term, Call):
            kept = [(name, value) for name, value in term.arguments if (term.name, name) not in known]
            return term._replace(arguments=tuple(kept))
        return rebuild(term, lambda inner: without(inner, defaults))

    return tuple(map(change, chain))
