"""From a flat model to a specification: scopes, terms, blocks, repeats, text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from cnnspec.compiler import check_text
from cnnspec.importers.from_network import model_of
from cnnspec.importers.model import Input, Model, all_keys
from cnnspec.importers.patterns.blocks import WrittenBlock, find_blocks, splice
from cnnspec.importers.patterns.progressions import with_progressions
from cnnspec.importers.patterns.reroll import reroll, tidy, with_loops
from cnnspec.importers.prove import Discrepancy, compare, correspond
from cnnspec.importers.structure.alike import with_alike_joins
from cnnspec.importers.structure.discover import discover, renamed
from cnnspec.importers.structure.normalise import normalise
from cnnspec.importers.structure.scopes import Cutter, Item
from cnnspec.importers.structure.wires import NetChain, net_chain
from cnnspec.importers.terms.formulas import Formula
from cnnspec.importers.terms.terms import Braces, Call, Chain, Term, map_terms, walk
from cnnspec.importers.wording.labels import Target, leave_out
from cnnspec.importers.wording.spec_text import (
    BlockText,
    Default,
    NetText,
    argument,
    label,
    measure,
    reference,
    specification,
)
from cnnspec.layers import find

COMMON = (("batchnorm", "eps"), ("batchnorm", "momentum"), ("layernorm", "eps"), ("groupnorm", "eps"))
"""Arguments that networks choose once for all their layers."""


WORTH = 1
"""So many lines more a text may have for a block: its name says what the lines in it are."""
PLACES, LAYERS = 3, 3
"""What has so many layers with tensors and would stand at so many places is a block, however long the text.

A convolution with its norm and its activation is read as one line: it says no more by a name.
"""


class Specification(NamedTuple):
    """A text that proves to be the model, and the model's key for each key of its weights."""

    text: str
    keys: Mapping[str, str]


def write(model: Model, flat: bool = False) -> str:
    """The text of a specification. Raises as `specify` does."""
    return specify(model, flat).text


def specify(model: Model, flat: bool = False) -> Specification:
    """The shortest specification of a model that proves to be the same: with blocks and repeats, else flat.

    A class whose block does not prove right is written as braces; where it is not known which, the outermost.
    `flat`: at once without. Raises Refused, and Unproved where even the flat text is another network.
    """
    found = discover(model)
    written = Written("") if flat else shortest(found.model, ())
    # it ends: each turn writes one more class as braces, or gives up blocks, at last with the flat text
    while True:
        text = written.text or write_flat(found.model)
        proof = prove(found.model, text)
        if proof.difference is None:
            return Specification(text, found.sources(proof.keys))
        if not written.text:
            raise Unproved(proof.difference)
        kind = proof.difference.kind
        # classes stand as their blocks do, the innermost first: the last is the outermost
        guilty = kind if kind in written.kinds else next(reversed([*written.kinds]), None)
        written = shortest(found.model, {*written.plain, guilty}) if guilty else Written("")


class Unproved(Exception):
    """A fault of this package: the text that it wrote is not the model. It is never handed out."""

    def __init__(self, difference: Discrepancy) -> None:
        where = f" in `{difference.scope}`" if difference.scope else ""
        super().__init__(f"the specification is another network{where}: {difference.what}")


class Written(NamedTuple):
    """A text with blocks.

    `kinds` are the classes of which it has blocks, each with the layers of its largest instance; the classes
    of `plain` are braces by choice. `places` counts the uses of a class's block, or its braces.
    """

    text: str
    kinds: Mapping[str, int] = {}
    plain: frozenset[str] = frozenset()
    places: Mapping[str, int] = Counter()

    @property
    def lines(self) -> int:
        """How many lines it has that are not blank."""
        return sum(map(bool, self.text.splitlines()))


def shortest(model: Model, plain: Collection[str]) -> Written:
    """The text with blocks for the classes where they make it shorter, the outermost left out first.

    Where modules of a class need not be written alike, it has them so if that is shorter.
    """
    model = normalise(model)
    items = Cutter(model).items(model.operations)
    tries = [items] if (alike := with_alike_joins(items)) is items else [items, alike]
    # of two texts as long it is the first, with fewer wires
    return min((with_blocks(model, each, plain) for each in tries), key=lambda written: written.lines)


def with_blocks(model: Model, items: Sequence[Item], plain: Collection[str]) -> Written:
    found = net_chain(items, model)
    found = found._replace(chain=with_progressions(found.chain))
    best = write_blocks(model, found, plain)
    for kind in reversed([*best.kinds]):
        other = write_blocks(model, found, {*best.plain, kind})
        if other.lines + worth(kind, best, other) < best.lines:
            best = other
    return best


def write_blocks(model: Model, found: NetChain, plain: Collection[str]) -> Written:
    """A specification with blocks and repeats; the classes of `plain` are braces. It is not proved."""
    blocks, chain = find_blocks(found.chain, plain, found.outputs)
    defaults = tuple(common((*chain, *(term for block in blocks for term in block.solved.body))))
    texts = [block_text(block, defaults) for block in blocks]
    chain = without(leave_out(chain, is_net=True, outputs=found.outputs), defaults)
    chain = tidy(with_loops(reroll(chain, measure(texts))))
    text = specification(texts, net_text(model, found, defaults, chain))
    terms = [*walk(chain), *(term for block in blocks for term in walk(block.solved.body))]
    kinds = {block.name: block.kind for block in blocks}
    places = Counter(kinds.get(str(term.name), "") for term in terms if isinstance(term, Call))
    places.update(term.kind for term in terms if isinstance(term, Braces))
    layers: dict[str, int] = {}
    for block in blocks:
        layers[block.kind] = max(block.layers, layers.get(block.kind, 0))
    return Written(text, layers, frozenset(plain), places)


def worth(kind: str, blocks: Written, braces: Written) -> float:
    """How many lines more a text may have for the block of a class than one with braces in its place."""
    places = min(blocks.places[kind], braces.places[kind])
    if places >= PLACES and blocks.kinds[kind] >= LAYERS:
        return float("inf")
    return WORTH


class Proof(NamedTuple):
    """Where a text is not the model, if anywhere; and the model's key for each key of the text."""

    difference: Discrepancy | None
    keys: Mapping[str, str] = {}


def prove(model: Model, text: str) -> Proof:
    """Whether a text is the model: of free keys, whether some names for them make it so."""
    found = check_text(text)
    errors = [each for each in found.diagnostics if each.severity == "error"]
    if errors or not found.networks:
        return Proof(Discrepancy("", errors[0].message if errors else "there is no net"))
    made = model_of(found.networks[0])
    if model.named:
        return Proof(compare(model, made), {key: key for key in all_keys(model)})
    # tensors that no name tells apart correspond by their places; under the text's names both are compared
    keys = correspond(model, made)
    return Proof(compare(renamed(model, {key: own for own, key in keys.items()}), made), keys)


def block_text(block: WrittenBlock, defaults: Collection[Default]) -> BlockText:
    named = tuple((parameter.name, parameter.default) for parameter in block.solved.parameters)
    taken = [name for name, _ in (*named, *block.solved.constants)]
    body = without(tidy(with_loops(block.solved.body, taken)), defaults)
    return BlockText(block.name, named, block.solved.constants, body)


def write_flat(model: Model) -> str:
    """The specification of a model without blocks or repeats, not proved. Raises Refused."""
    model = normalise(model)
    found = net_chain(Cutter(model).items(model.operations), model)
    chain = splice(found.chain)
    defaults = tuple(common(chain))
    chain = without(leave_out(chain, is_net=True, outputs=found.outputs), defaults)
    return specification([], net_text(model, found, defaults, chain))


def net_text(model: Model, found: NetChain, defaults: tuple[Default, ...], chain: Chain) -> NetText:
    labels = found.inputs or [()] * len(model.inputs)
    inputs = tuple(label(own) + input_line(given) for own, given in zip(labels, model.inputs, strict=True))
    return NetText(model.name, inputs, defaults, chain, tuple(output_lines(model, found.outputs)))


def input_line(given: Input) -> str:
    """`input 3@224x224 mean=0.5 std=[0.2, 0.2, 0.3]`."""
    noted = [(name, [*getattr(given, name)]) for name in ("mean", "std")]
    words = [f"{name}={argument(n[0] if len(n) == 1 else n)}" for name, n in noted if n]
    return " ".join([f"input {given.value.shape}", *words])


def output_lines(model: Model, paths: Sequence[Target]) -> Iterator[str]:
    """`output` lines, one for neighbours that are alike; none where the last value is the output."""
    named = zip(model.outputs, paths, strict=False)
    for training, group in groupby(named, key=lambda pair: pair[0].training):
        targets = [".".join(map(reference, path)) for _, path in group]
        yield f"output {' '.join(targets)}" + (" train=yes" if training else "")


def common(chain: Chain) -> Iterator[Default]:
    """Arguments that all layers of a kind have with one value, of those that networks choose once."""
    calls = [term for term in walk(chain) if isinstance(term, Call)]
    for kind, name in COMMON:
        values = [dict(call.arguments).get(name) for call in calls if call.name == kind]
        cls = find(kind)
        if (
            cls
            and len(values) > 1  # one layer says it as shortly itself
            and len({*values}) == 1
            and not isinstance(values[0], Formula)  # of names that only the block has: `eps=eps`
            and values[0] not in (None, cls.arguments[name].default)
        ):
            yield kind, name, values[0]


def without(chain: Chain, defaults: Collection[Default]) -> Chain:
    """The chain without arguments that a default gives."""
    known = {(kind, name) for kind, name, _ in defaults}

    def change(term: Term) -> Term:
        if not isinstance(term, Call):
            return term
        kept = ((name, value) for name, value in term.arguments if (term.name, name) not in known)
        return term._replace(arguments=tuple(kept))

    return map_terms(chain, change)
