"""The syntax tree: what was written, before anything is known about it. Every node has its span.

A number is kept as a value, a size `5x5` as a tuple, both checked for their range by the parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cnnspec.text.source import Span

# What could not be read


class Broken(NamedTuple):
    """In place of a value, or of a step, that could not be read: its fault is reported already."""

    span: Span


# Expressions


class Literal(NamedTuple):
    """An int, a float, a string, a size `(5, 5)`, or yes/no as a bool."""

    value: Any
    span: Span


class Name(NamedTuple):
    name: str
    span: Span


class Arrival(NamedTuple):
    """`in.channels`: a size of the value that arrives here."""

    field: str
    span: Span


class FilterOf(NamedTuple):
    """`count@kernel`."""

    count: Expression  # type: ignore[assignment]  # tuple.count is never asked for
    kernel: Expression
    span: Span


class Unary(NamedTuple):
    """`-`, `+` or `not`."""

    operator: str
    operand: Expression
    span: Span


class Binary(NamedTuple):
    """`+ - * / // % **`, a comparison, `and` or `or`."""

    operator: str
    left: Expression
    right: Expression
    span: Span


class Choice(NamedTuple):
    """`then if test else otherwise`."""

    then: Expression
    test: Expression
    otherwise: Expression
    span: Span


class List(NamedTuple):
    items: tuple[Expression, ...]
    span: Span


class Comprehension(NamedTuple):
    """`[item for names in source]`."""

    item: Expression
    names: tuple[Name, ...]
    source: Expression
    span: Span


class Slice(NamedTuple):
    """`start:stop` in an index; either side may be absent."""

    start: Expression | None
    stop: Expression | None
    span: Span


class Index(NamedTuple):
    """`list[i]`, `table[i, j]`, `list[:i]`, `[64, 128][i]`."""

    value: Expression
    subscripts: tuple[Expression | Slice, ...]
    span: Span


class Function(NamedTuple):
    """`max(a, b)`."""

    name: Name
    arguments: tuple[Expression, ...]
    span: Span


Expression = (
    Literal
    | Name
    | Arrival
    | FilterOf
    | Unary
    | Binary
    | Choice
    | List
    | Comprehension
    | Index
    | Function
    | Broken
)

# Steps


class Label(NamedTuple):
    """`conv1:`, `stage{i + 1}:`, `"block{i}-{j}":`. Parts are text or expressions."""

    parts: tuple[str | Expression, ...]
    span: Span


class Reference(NamedTuple):
    """`features.pool0`, `enc{i}`: a path of labels."""

    parts: tuple[Label, ...]
    span: Span


class Keyword(NamedTuple):
    """`stride=2`; `name_span` is the key's place, `span` the whole."""

    name: str
    value: Expression
    name_span: Span
    span: Span


class Each(NamedTuple):
    """`for names in source` behind a join, `names in source` behind repeat."""

    names: tuple[Name, ...]
    source: Expression
    span: Span


class Call(NamedTuple):
    """A layer, a block or a join: `concat for r in [6, 12] { | conv 64@3x3 pad=r dilation=r }`.

    `span` is the head: the name and the arguments, without the paths.
    """

    name: Name
    positional: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    each: Each | None
    body: Body | None
    span: Span


class Group(NamedTuple):
    body: Body
    span: Span


class Repeat(NamedTuple):
    """`repeat 3 { … }`, `repeat i in 4 { … }`, `repeat a, b in [[1, 2]] { … }`. `span` is the head."""

    names: tuple[Name, ...]
    source: Expression
    body: Body
    span: Span


class If(NamedTuple):
    """`if test { … } else { … }`; `else if` is an otherwise of one If. `span` is the head."""

    test: Expression
    then: Body
    otherwise: Body | None
    span: Span


class From(NamedTuple):
    target: Reference
    span: Span


class Again(NamedTuple):
    target: Reference
    span: Span


class Output(NamedTuple):
    """`output fc`, `output aux2 aux1 train=yes`."""

    targets: tuple[Reference, ...]
    keywords: tuple[Keyword, ...]
    span: Span


Action = Call | Group | Repeat | If | From | Again | Output | Broken


class Step(NamedTuple):
    label: Label | None
    action: Action
    span: Span


class Assertion(NamedTuple):
    """`-> 6@28x28` or `-> 400`."""

    expected: Expression
    span: Span


class Chain(NamedTuple):
    """Steps parted by commas, and what the line claims of the last one's shape."""

    steps: tuple[Step, ...]
    assertion: Assertion | None
    span: Span


class Constant(NamedTuple):
    """`out = 4 * width`."""

    name: Name
    value: Expression
    span: Span


class Default(NamedTuple):
    """`default batchnorm eps=0.001`, or a block's: from here to the closing brace."""

    layer: Name
    keywords: tuple[Keyword, ...]
    span: Span


class Require(NamedTuple):
    """`require in.height % 32 == 0, "message"`."""

    test: Expression
    message: Literal | None
    span: Span


Statement = Chain | Constant | Default | Require


class Path(NamedTuple):
    """A path of a join: from its `|` to the next. `span` is the bar and the first line."""

    statements: tuple[Statement, ...]
    span: Span


class Body(NamedTuple):
    """What stands between braces: statements, or, in a join, paths behind statements such as constants."""

    statements: tuple[Statement, ...]
    paths: tuple[Path, ...]
    span: Span


# Files


class Parameter(NamedTuple):
    name: Name
    default: Expression | None
    span: Span


class Block(NamedTuple):
    """`block Name(width, stride=1) { … }`. `wired`: it holds a join or a `from`, so names go by kind."""

    name: Name
    parameters: tuple[Parameter, ...]
    body: Body
    wired: bool
    span: Span


class Net(NamedTuple):
    name: Name
    parameters: tuple[Parameter, ...]
    body: Body
    span: Span


class Variant(NamedTuple):
    """`net ResNet152 = ResNet depths=[3, 8, 36, 3]`."""

    name: Name
    pattern: Name
    keywords: tuple[Keyword, ...]
    span: Span


class UsedFile(NamedTuple):
    """`use "blocks/residual.cnn"`."""

    path: Literal
    span: Span


Item = Net | Block | Variant | Constant | UsedFile


class File(NamedTuple):
    items: tuple[Item, ...]
    span: Span


def parameter_names(owner: Net | Block) -> list[str]:
    return [parameter.name.name for parameter in owner.parameters]


def bodies(action: Action) -> list[Body]:
    """The braces of a step: those of a group, a repeat or a join, both of an `if`."""
    found = [getattr(action, name, None) for name in ("body", "then", "otherwise")]
    return [body for body in found if isinstance(body, Body)]


def statements(body: Body) -> tuple[Statement, ...]:
    """The statements between braces, those of a join's paths too."""
    return (*body.statements, *(statement for path in body.paths for statement in path.statements))


def chains(body: Body) -> list[Chain]:
    """The chains of steps between braces, without those further in."""
    return [each for each in statements(body) if isinstance(each, Chain)]


def braces(*bodies_around: Body) -> Iterator[Body]:
    """All braces, those further in behind the ones around them. In a loop: texts nest deeply."""
    waiting = [*bodies_around]
    while waiting:
        body = waiting.pop()
        yield body
        waiting += [inner for chain in chains(body) for step in chain.steps for inner in bodies(step.action)]


def braces_of(file: File) -> Iterator[Body]:
    """All braces of a file's nets and blocks."""
    return braces(*(item.body for item in file.items if isinstance(item, Net | Block)))


def parts(node: Any) -> Iterator[Any]:
    """An expression and all that it is made of."""
    yield node
    for field in node:
        # A node is a NamedTuple, never just `tuple`: that is a row of nodes, or a size.
        for each in field if type(field) is tuple else (field,):
            if isinstance(each, tuple) and not isinstance(each, Span):
                yield from parts(each)


def names(node: Expression) -> set[str]:
    """The names in an expression, its own loops' too."""
    return {part.name for part in parts(node) if type(part) is Name}
