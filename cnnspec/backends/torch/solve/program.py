"""The program around the classes: their order and their names, and how a use constructs its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cnnspec.backends.names import Names
from cnnspec.backends.torch.signatures import SIGNATURES
from cnnspec.backends.torch.solve.parameters import Parameters
from cnnspec.backends.torch.unify.braces import with_classes
from cnnspec.backends.torch.unify.steps import uses
from cnnspec.graph.tree import Instance, Network, Output, Use
from cnnspec.graph.walk import Steps
from cnnspec.layers.base import Construction
from cnnspec.text.syntax import Block
from cnnspec.values.kinds import is_integer
from cnnspec.values.symbols import Symbol


class Return(NamedTuple):
    """What a forward returns: a named tuple of outputs, or the one output where `name` is ""."""

    name: str
    fields: list[tuple[str, Output]]


class Constructed(NamedTuple):
    """The class of an instance: its name, what it takes, and which of its rows the instance is."""

    name: str
    parameters: Parameters
    row: int


class Program:
    """All classes of a network, the blocks' before those that use them."""

    def __init__(
        self, network: Network, reserved: set[str], optimised: bool = False, explicit: bool = False
    ) -> None:
        network, braces = with_classes(network)
        self.braces = set(map(id, braces))  # the blocks that are made of labelled braces
        self.network, self.optimised = network, optimised
        self.signatures = {} if explicit else dict(SIGNATURES)
        self.explicit = explicit
        self.class_names = Names(reserved)
        self.constructed: dict[int, Constructed] = {}  # by instance
        self.instances: dict[int, dict[int, Instance]] = {}  # by block
        # N(classes=10) must be right for any number; words, lists and layers of a net are written in
        self.free_names = frozenset(
            name
            for name, value in network.arguments.items()
            if is_integer(value) and name not in network.fixed
        )
        self.net_name = self.class_names.local(network.name)
        self.open_names: dict[int, set[str]] = {}  # by instance
        self.collect(network.steps, self.free_names)

    def collect(self, steps: Steps, free: frozenset[str]) -> None:
        """Find the instances, inner ones first, and the names that stay open through them."""
        for use in uses(steps):
            instance = use.instance
            # of `Head (2 * classes)` Head's own parameter stays open, by whatever name
            opened = {
                name
                for name, value in use.bindings.items()
                if isinstance(value, Symbol) and value.names & free and name not in instance.fixed
            }
            known = self.open_names.get(id(instance))
            # a name that a later use leaves open, too, opens the blocks inside once more
            if known is None or not opened <= known:
                known = self.open_names[id(instance)] = opened | (known or set())
                self.collect(instance.steps, frozenset(known))
                self.instances.setdefault(id(instance.block), {})[id(instance)] = instance

    def blocks(self, steps: Steps, seen: set[int]) -> Iterator[list[Instance]]:
        """The instances of each block that some steps use, those of the blocks that it uses itself first."""
        for block in dict.fromkeys(id(use.instance.block) for use in uses(steps)):
            if block not in seen:
                seen.add(block)
                # a class is for all uses of its block: the blocks that any of them uses stand before it
                for instance in self.instances[block].values():
                    yield from self.blocks(instance.steps, seen)
                yield list(self.instances[block].values())

    def returns(self) -> list[Return]:
        """What the forward of the net returns: in training, and in evaluation where that is less."""
        # methods of a tuple already; and a field of a NamedTuple may not begin with _
        fields = Names({"count", "index"})
        outputs = [(fields.local(output.name.strip("_")), output) for output in self.network.outputs]
        kept = [(field, output) for field, output in outputs if not output.train]
        found = {"Outputs": outputs} | ({"EvaluationOutputs": kept} if len(kept) < len(outputs) else {})
        return [
            Return(self.class_names.local(self.net_name + suffix) if len(fields) > 1 else "", fields)
            for suffix, fields in found.items()
        ]

    def class_name(self, block: Block) -> str:
        """A name for a class of a block."""
        wish = block.name.name
        if id(block) in self.braces:
            # braces `body_1` are class Body1
            wish = "".join(word[:1].upper() + word[1:] for word in wish.split("_"))
        return self.class_names.local(wish)

    def publish(self, name: str, parameters: Parameters, instances: list[Instance]) -> None:
        """Make known how the uses of some instances construct their class."""
        for row, instance in enumerate(instances):
            self.constructed[id(instance)] = Constructed(name, parameters, row)
        if not self.explicit:
            self.signatures[name] = parameters.signature()

    def call(self, use: Use) -> Construction:
        """The construction of a block's class."""
        name, parameters, row = self.constructed[id(use.instance)]
        # a number in the caller's own terms: B(4 * g, 2 * g), not B(16, 8)
        given = {key: column[row] if column else use.bindings[key] for key, column in parameters.ordered()}
        args = (given.pop("in.channels"),) if "in.channels" in given else ()
        return Construction(name, args, {parameters.names.parameter(key): given[key] for key in given})
