"""Terms as text, in the one layout of the language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

from cnnspec import layers
from cnnspec.importers.terms.formulas import Formula, Items, written
from cnnspec.importers.terms.terms import (
    Again,
    Arguments,
    Braces,
    Call,
    Chain,
    Constant,
    From,
    If,
    Join,
    Label,
    Repeat,
    Term,
    walk,
)
from cnnspec.importers.wording.arguments import is_default, written_arguments
from cnnspec.importers.wording.free_names import is_name
from cnnspec.text.formatter import layout
from cnnspec.text.source import Source

WIDTH = 112
PATH_WIDTH = 88

LEADERS = ("conv", "depthwise", "convtranspose", "linear")
"""A line has one of them, and what belongs to it."""
HEADS = ("globalavgpool", "globalmaxpool", "adaptiveavgpool", "adaptivemaxpool", "flatten")
"""What follows them does not belong to the block before them."""


class BlockText(NamedTuple):
    """A block: its parameters with their defaults (... where there is none), its constants, its body."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    constants: tuple[tuple[str, Any], ...]
    body: Chain


Default = tuple[str, str, Any]
"""A layer, an argument of it, and what that is where no layer says it."""


class NetText(NamedTuple):
    """A net. `inputs` are its labelled shapes; `outputs` its output lines, as text."""

    name: str
    inputs: tuple[str, ...]
    defaults: tuple[Default, ...]
    body: Chain
    outputs: tuple[str, ...]


def specification(blocks: list[BlockText], net: NetText) -> str:
    """The text of a file, in the one layout; as it is where it cannot be read, which its proof will say."""
    printer = SpecPrinter({block.name: dict(block.parameters) for block in blocks})
    lines: list[str] = []
    for block in blocks:
        lines += [*printer.block(block), ""]
    heads = [f"default {kind} {name}={argument(value)}" for kind, name, value in net.defaults]
    inner = [*heads, *net.inputs, *printer.chain(net.body, WIDTH - 4), *net.outputs]
    lines += [f"net {net.name} {{", *indented(inner), "}"]
    written = "\n".join(lines) + "\n"
    text, _ = layout(Source(f"{net.name}.cnn", written))
    return text or written


def measure(blocks: list[BlockText]) -> Callable[[Chain], int]:
    """How many lines a chain takes, some braces deep, where there are these blocks.

    Each use of a block counts as a line: what repeats is to be a repeat, though its turns may be short.
    """
    printer = SpecPrinter({block.name: dict(block.parameters) for block in blocks}, shares_lines=False)
    return lambda chain: len(printer.chain(chain, WIDTH - 8))


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def argument(value: Any) -> str:
    """A value behind `key=`, or as a positional argument: what is computed stands in parentheses."""
    text = written(value)
    # a name, `in.channels`, is one word
    simple = not isinstance(value, Formula) or re.fullmatch(r"[\w.]+|\w+\[\w+\]", text)
    return text if simple else f"({text})"


def positional_argument(value: Any) -> str:
    """A value in its place: a sign would be taken for a difference."""
    text = argument(value)
    return f"({text})" if text.startswith("-") else text


class SpecPrinter:
    """Prints chains as lines; `blocks` has the parameters of each, with their defaults.

    `shares_lines`: whether short uses of one block that follow each other share a line.
    """

    def __init__(self, blocks: dict[str, dict[str, Any]], shares_lines: bool = True) -> None:
        self.blocks, self.shares_lines = blocks, shares_lines
        self.several: set[Label] = set()  # labels of more than one braces of a block

    def block(self, block: BlockText) -> list[str]:
        parameters = ", ".join(
            name if default is ... else f"{name}={written(default)}" for name, default in block.parameters
        )
        head = f"block {block.name}({parameters}) {{" if parameters else f"block {block.name} {{"
        constants = [f"{name} = {written(value)}" for name, value in block.constants]
        labels = Counter(term.label for term in walk(block.body) if isinstance(term, Braces))
        self.several = {label for label, times in labels.items() if times > 1}
        return [head, *indented([*constants, *self.chain(block.body, WIDTH - 4)]), "}"]

    def chain(self, chain: Chain, width: int) -> list[str]:
        """The lines of a chain, each at most so wide if that can be; steps that belong together share one.

        A line has one leader, or short uses of one block, or a join, and what follows; the head of a net has
        its own.
        """
        lines: list[str] = []
        open_ = led = False  # whether the last line takes further steps, and has a leader
        behind_block = False
        before: Term | None = None
        for term in chain:
            inner = self.term(term, width)
            simple = len(inner) == 1 and is_simple(term)
            is_block = isinstance(term, Call) and term.name in self.blocks
            is_leader = is_block or (isinstance(term, Call) and term.name in LEADERS)
            is_head = behind_block and isinstance(term, Call) and term.name in HEADS
            is_next = self.shares_lines and is_block and uses_same(before, term)
            # `tanh, conv` share a line; of `conv, conv` the second begins one
            begins = isinstance(term, From) or is_head or (is_leader and (led or is_block) and not is_next)
            room = min(width, PATH_WIDTH) if is_next else width
            goes_on = simple or (len(inner) == 1 and isinstance(before, From) and isinstance(term, Braces))
            if open_ and goes_on and not begins and len(lines[-1]) + 2 + len(inner[0]) <= room:
                lines[-1] += f", {inner[0]}"
                led = led or is_leader or not simple
            else:
                lines += inner
                led, behind_block = is_leader or not simple, is_block or not simple
            open_, before = simple or (len(inner) == 1 and is_join(term)), term
        return lines

    def term(self, term: Term, width: int) -> list[str]:
        if isinstance(term, Call):
            return [label(term.label) + self.call(term)]
        if isinstance(term, Braces):
            head = label(term.label)
            if len(term.body) == 1 and isinstance(term.body[0], Join | Repeat):
                # `layer1: { repeat … }` is written `layer1: repeat …`
                first, *rest = self.term(term.body[0], width)
                return [head + first, *rest]
            inner = self.packed(term.body, width) or self.inner(term.body, width)
            return self.braces(head + "{", inner, width)
        if isinstance(term, Join):
            return self.join(term, width)
        if isinstance(term, If):
            return self.condition(term, width)
        if isinstance(term, Repeat):
            return self.repeat(term, width)
        if isinstance(term, Constant):
            return [f"{term.name} = {written(term.value)}"]
        word = "from" if isinstance(term, From) else label(term.label) + "again"
        return [f"{word} {'.'.join(map(reference, term.target))}"]

    def inner(self, chain: Chain, width: int) -> list[str]:
        return self.chain(chain, width - 4) or ["identity"]

    def braces(self, head: str, inner: list[str], width: int) -> list[str]:
        """Braces, on one line if they fit."""
        short = f"{head} {inner[0]} }}"
        if len(inner) == 1 and len(short) <= width:
            return [short]
        return [head, *indented(inner), "}"]

    def join(self, join: Join, width: int) -> list[str]:
        lines: list[str] = []
        for path in join.paths:
            first, *rest = self.path(path, width - 2)
            lines += [f"| {first}", *(f"  {line}" for line in rest)]
        name = self.call(Call(join.name, join.arguments))
        start = f"{name} for {', '.join(join.names)} in "
        head = loop_head(start, join.rows, width) if join.names else [f"{name} {{"]
        short = f"{head[0]} {' '.join(lines)} }}"
        if len(head) == 1 and len(lines) == len(join.paths) and len(short) <= width:
            return [short]
        return [*head, *indented(lines), "}"]

    def path(self, path: Chain, width: int) -> list[str]:
        """The lines of a path: one if its steps fit there; uses of blocks share lines."""
        short = self.one_line(path, min(width, PATH_WIDTH), (Call, From, Again, Braces))
        return short or self.packed(path, width) or self.inner(path, width)

    def one_line(self, chain: Chain, width: int, kinds: tuple[type, ...]) -> list[str]:
        """A chain of terms of these kinds in one line, if it fits there and is not empty; else none."""
        short = [line for term in chain for line in self.term(term, width)]
        text = ", ".join(short)
        fits = len(short) == len(chain) and len(text) <= width
        return [text] if chain and fits and all(isinstance(term, kinds) for term in chain) else []

    def packed(self, chain: Chain, width: int) -> list[str]:
        """Uses of blocks, steps without tensors and repeats of them in one line; without repeats in several.

        None for other chains.
        """
        terms = [each for term in chain for each in (term.body if isinstance(term, Repeat) else (term,))]
        keyed = [term.name for term in terms if isinstance(term, Call) and term.keyed]
        if not keyed or not all(map(is_simple, terms)) or not all(name in self.blocks for name in keyed):
            return []
        short = self.one_line(chain, width - 4, (Call, From, Again, Repeat))
        if short or any(isinstance(term, Repeat) for term in chain):
            return short
        words = [line for term in chain for line in self.term(term, width)]
        return [line.removesuffix(",") for line in filled(words, PATH_WIDTH)]

    def condition(self, term: If, width: int) -> list[str]:
        head, then = f"if {written(term.test)} {{", term.then
        if len(then) == 1 and isinstance(then[0], Braces) and self.is_outward(then[0], term.otherwise):
            # `if gate { unit: { … } }` is written `unit: if gate { … }`
            head, then = label(then[0].label) + head, then[0].body
        lines = self.braces(head, self.inner(then, width), width)
        if term.otherwise is None:
            return lines
        other = self.inner(term.otherwise, width)
        if len(lines) == 1 and len(other) == 1 and len(lines[0]) + len(other[0]) + len(" else {  }") <= width:
            return [f"{lines[0]} else {{ {other[0]} }}"]
        if len(lines) == 1:
            lines = [head, *indented(self.inner(then, width)), "}"]
        return [*lines[:-1], "} else {", *indented(other), "}"]

    def is_outward(self, braces: Braces, otherwise: Chain | None) -> bool:
        """Whether the label of braces may stand before their `if`: with an `else` it names that, too."""
        return otherwise is None or (not otherwise and braces.label not in self.several)

    def repeat(self, term: Repeat, width: int) -> list[str]:
        names = f"{', '.join(term.names)} in " if term.names else ""
        head = loop_head(f"repeat {names}", term.rows, width)
        inner = self.inner(term.body, width)
        return self.braces(head[0], inner, width) if len(head) == 1 else [*head, *indented(inner), "}"]

    def written(self, call: Call, name: str) -> Arguments:
        """The arguments that differ from the defaults of the layer or the block."""
        defaults = self.blocks.get(name)
        if defaults is None:
            return written_arguments(name, call.arguments)
        return tuple((n, v) for n, v in call.arguments if not is_default(v, defaults[n]))

    def call(self, call: Call) -> str:
        """A layer or a block with its arguments, the positional ones first."""
        name = written(call.name) if isinstance(call.name, Formula) else call.name
        given = dict(self.written(call, name))
        words = [name]
        if "count" in given:
            words.append(f"{atom(given.pop('count'))}@{size(given.pop('kernel'))}")
        cls = layers.find(name)
        positional = [key for key, default in self.blocks.get(name, {}).items() if default is ...]
        places = cls.positional if cls is not None else positional
        # up to the first that is left out: those behind it need their names
        for key in takewhile(given.__contains__, (key for key in places if key != "filter")):
            as_size = cls is not None and cls.arguments[key].kind == "size"
            value = given.pop(key)
            words.append(size(value) if as_size else positional_argument(value))
        words += [f"{key}={argument(value)}" for key, value in given.items()]
        return " ".join(words)


def loop_head(start: str, rows: Any, width: int) -> list[str]:
    """The head of a loop over rows, these on lines of their own where they are long."""
    head = f"{start}{argument(rows)} {{"
    if len(head) <= width or not isinstance(rows, Items):
        return [head]
    return [f"{start}[", *indented(filled([written(row) for row in rows], width - 4)), "] {"]


def atom(value: Any) -> str:
    # 9 binds closer than any operator: `(2 * width)@3x3`
    return written(value, 9)


def size(value: Any) -> str:
    """A kernel or a window: 3 is written 3x3."""
    return f"{value}x{value}" if isinstance(value, int) else atom(value)


def filled(words: list[str], width: int) -> list[str]:
    """Words in lines, with commas between them."""
    lines = [""]
    for number, word in enumerate(words):
        piece = word + ("," if number + 1 < len(words) else "")
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > width:
            lines.append("")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return lines


def uses_same(one: Term | None, other: Term) -> bool:
    return isinstance(one, Call) and isinstance(other, Call) and one.name == other.name


def is_join(term: Term) -> bool:
    """Whether it is a join, or braces that hold nothing else."""
    body = term.body if isinstance(term, Braces) else (term,)
    return len(body) == 1 and isinstance(body[0], Join)


def is_simple(term: Term) -> bool:
    """Whether it is written in one line with others."""
    return isinstance(term, Call | From | Again)


def label(parts: Label) -> str:
    """A label with its colon, `layer{i + 1}: `; in quotes where it is no name; "" of none."""
    return f"{reference(parts)}: " if parts else ""


def reference(parts: Label) -> str:
    text = "".join(f"{{{written(part)}}}" if isinstance(part, Formula) else str(part) for part in parts)
    # layer{i} is a name where layer0 is one
    bare = re.sub(r"\{[^}]*\}", "0", text) if parts and isinstance(parts[0], str) else text
    return text if is_name(bare) or text.isdecimal() else f'"{text}"'
