"""The checked network: a tree of scopes as the author wrote it, and the flat graph that it unrolls to.

The tree keeps blocks, repeats, groups and wires, for emitters that want the author's structure. A block
that is used a thousand times with the same arguments and the same input is one Instance. The flat
graph is for analyses and for back ends that only want nodes in the order of execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.layers.base import Join, Layer
from cnnspec.text import syntax
from cnnspec.text.source import Span
from cnnspec.values.extents import Extent
from cnnspec.values.shapes import Shape


class Value:
    """A value that flows: known by identity. `shape` is None where a fault made it unknown.

    For size traces: `before` is the value that it was made of, None of an input; `maker` what the step
    between is called, "" where a block begins; `span` where that step or the input stands; and `layer` the
    step's layer, if it is one. `believed` is the shape that it would have, had a false claim before it been
    true.
    """

    __slots__ = ("before", "believed", "layer", "maker", "shape", "span")

    def __init__(
        self,
        shape: Shape | None,
        before: Value | None = None,
        maker: str = "",
        span: Span | None = None,
        layer: Layer | None = None,
    ) -> None:
        self.shape, self.before, self.maker, self.span, self.layer = shape, before, maker, span, layer
        self.believed: Shape | None = None

    def history(self) -> Iterator[Value]:
        """The value and those that it was made of, the input last."""
        value: Value | None = self
        while value is not None:
            yield value
            value = value.before


class Leaf(NamedTuple):
    """A layer in its place. `name` is its state_dict path within its scope's owner (net or block).

    `following`: its arguments, where Extents are among them.
    """

    name: str
    layer: Layer
    input: Value
    output: Value
    span: Span
    following: Mapping[str, Any] | None = None


class Use(NamedTuple):
    """A block in its place, with the caller's values for the names that the instance is written in."""

    name: str
    instance: Instance
    bindings: Mapping[str, int]  # the instance's names (parameters, "in.channels") in the caller's terms
    input: Value
    output: Value
    span: Span


class Group(NamedTuple):
    """Labelled braces. `name` is the scope's path within its owner.

    `is_part`: a step's label named them, as in `"convs.0": conv …`, and others of the scope may, too: further
    groups of this name hold what else lies in them.
    """

    name: str
    steps: tuple[Step, ...]
    input: Value
    output: Value
    span: Span
    is_part: bool = False


class Repeat(NamedTuple):
    """One tuple of steps an iteration. `name` is "" where the braces bear no label.

    `times` is the number of iterations, in the owner's names where it was given so.
    """

    name: str
    times: int
    iterations: tuple[tuple[Step, ...], ...]
    input: Value
    output: Value
    span: Span


class If(NamedTuple):
    """The branch of an `if`: `taken` is whether its test held, `test` the condition in the owner's names."""

    name: str
    taken: bool
    test: Test | None
    steps: tuple[Step, ...]
    input: Value
    output: Value
    span: Span


class Path(NamedTuple):
    """A path of a join. `dropped`: it is `none`; `test` tells when it is there, if an `if` says so."""

    steps: tuple[Step, ...]
    output: Value
    dropped: bool
    test: Test | None
    span: Span


class Merge(NamedTuple):
    """A join and its paths, `none` included. With a single live path it is that path, and no layer runs."""

    name: str
    path: str  # the state_dict-like path of the joining layer itself
    layer: Join
    paths: tuple[Path, ...]
    input: Value
    output: Value
    span: Span

    @property
    def live(self) -> list[Path]:
        return [path for path in self.paths if not path.dropped]

    @property
    def runs(self) -> bool:
        """Whether the joining layer runs."""
        return len(self.live) > 1


class From(NamedTuple):
    """A labelled step's value becomes the current one."""

    value: Value
    span: Span

    @property
    def output(self) -> Value:
        return self.value


class Again(NamedTuple):
    """A labelled step once more, with the same weights: `step` is the step as it runs on this input."""

    step: Step
    input: Value
    output: Value
    span: Span


class Lost(NamedTuple):
    """A step that a fault left without a meaning; only networks with faults hold any.

    `name` is its label's path, "" where it bears none. Where no value arrives, `input` is one that
    nothing makes.
    """

    name: str
    input: Value
    output: Value
    span: Span


TRAINING, UNREAD = "training only", "read by nothing"
"""Why evaluation does without a step: an output of training alone needs it, or no output does."""

Braces = Group | Repeat | If

Step = Leaf | Use | Braces | Merge | From | Again | Lost


class Test(NamedTuple):
    """A condition in the owner's own names, as an emitter may write it again."""

    operator: str  # "==", "and", "not", …; "value" for a number
    operands: tuple[Test | int, ...]


class Decision(NamedTuple):
    """A condition on the sizes of `value` that an `if` or a `require` read, and what it came to.

    `names` are the values of the names in it; `lookup` knows what else a name may mean.
    """

    value: Any  # a Value; in a flat graph its name
    test: syntax.Expression
    names: Mapping[str, Any]
    lookup: Callable[[str], Any]
    holds: bool
    required: bool


class Claim(NamedTuple):
    """What `->` says of a value, where a false one is an error."""

    value: Any  # a Value; in a flat graph its name
    shape: Shape


class Findings(NamedTuple):
    """What a net or a block has found about sizes: where they come out alike, its text means the same."""

    assumed: tuple[Extent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    claims: tuple[Claim, ...] = ()


class Instance(NamedTuple):
    """A block elaborated for one set of arguments and one input shape."""

    block: syntax.Block
    arguments: Mapping[str, object]
    scope_names: Mapping[
        str, int
    ]  # {"n": 3, "in.channels": 64}: parameters that are ints or filters (their counts), what arrives
    fixed: frozenset[str]  # the names among them that reach more than widths
    constants: Mapping[str, int]  # integers that the block's own text names
    input: Value
    output: Value
    steps: tuple[Step, ...]
    findings: Findings = Findings()


class Input(NamedTuple):
    """An input of the net, with how images are to be prepared for it."""

    name: str
    value: Value
    mean: tuple[float, ...]
    std: tuple[float, ...]
    span: Span


class Output(NamedTuple):
    name: str
    value: Value
    train: bool


class Network(NamedTuple):
    """A net, checked."""

    name: str
    net: syntax.Net
    arguments: Mapping[str, object]
    fixed: frozenset[str]  # integer parameters that reach more than widths
    constants: Mapping[str, int]  # integers that the net's own text names
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    steps: tuple[Step, ...]
    span: Span
    findings: Findings = Findings()

    @property
    def scope_names(self) -> Mapping[str, int]:
        """The parameters that are integers, with their values."""
        return {name: value for name, value in self.arguments.items() if isinstance(value, int)}

    @property
    def sizes(self) -> str:
        """`1@28x28 -> 10`: what arrives and what leaves in evaluation."""
        arriving = " and ".join(str(given.value.shape) for given in self.inputs)
        leaving = " and ".join(str(output.value.shape) for output in self.outputs if not output.train)
        return f"{arriving} -> {leaving}"
