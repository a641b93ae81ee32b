"""What was changed, in lines: equal ones are one, and what was changed in a block stands once.

A line is marked as in a context diff: `!` changed, `+` added, `-` removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cnnspec.analysis.compare import Comparison, PortChange
from cnnspec.analysis.components import Change, Component, Difference, layers
from cnnspec.layers.base import Layer, Misfit
from cnnspec.tables.table_columns import size
from cnnspec.values.kinds import Filter, describe


class DiffSide(NamedTuple):
    """Where a network is from, as the user named it, and which it is."""

    source: str
    net: str


class DiffLine(NamedTuple):
    """`names` are the places in the net or the block; `behind` what stands before each, "": nothing in it.

    Lines are equal where mark, words and `kind` are: that of what stands before, or the place of a scope.
    """

    mark: str
    names: tuple[str, ...]
    words: str
    behind: tuple[str, ...]
    kind: str
    params: int  # how many more the second net has by this


class DiffPart(NamedTuple):
    """The lines of the net (no `title`), or of a block that they are the same in at several places."""

    title: str
    places: tuple[str, ...]
    lines: tuple[DiffLine, ...]


def sections(comparison: Comparison) -> tuple[DiffPart, ...]:
    """The lines of the net, then those of its blocks in their order."""
    maker = LineMaker(comparison)
    found: dict[tuple[str, tuple[DiffLine, ...]], list[TwinBlock]] = {}
    for block in maker.blocks(comparison.whole):
        # Copies of a block on other widths differ in their parameters alone: they are added up.
        content = tuple(line._replace(params=0) for line in block.lines)
        found.setdefault((block.title, content), []).append(block)
    net = [line for port in comparison.ports for line in port_lines(port)]
    made = []
    for (title, _), copies in found.items():
        if len(copies) == 1:
            net += map(copies[0].line_of_net, copies[0].lines)
        else:
            total = map(sum_params, zip(*(block.lines for block in copies), strict=True))
            made.append(DiffPart(title, tuple(block.scopes[1] for block in copies), tuple(fold_edits(total))))
    return tuple(section for section in (DiffPart("", (), tuple(fold_edits(net))), *made) if section.lines)


class TwinBlock(NamedTuple):
    """A block that both nets have: its path in either, and its own lines."""

    title: str
    scopes: tuple[str, str]
    lines: list[DiffLine]

    def line_of_net(self, line: DiffLine) -> DiffLine:
        """One of its lines as the net's."""
        # A bool as an index: what is removed has the first net's path, all else the second's.
        scope = self.scopes[line.mark != "-"]
        if not scope:
            return line
        names, behind = ([name and f"{scope}.{name}" for name in each] for each in (line.names, line.behind))
        return line._replace(names=tuple(names), behind=tuple(behind))


class LineMaker:
    """Knows the layers of both nets by their paths."""

    def __init__(self, comparison: Comparison) -> None:
        found = list(layers(comparison.whole))
        self.kinds = {
            "-": {each.before.path: each.before.name for each in found if each.before},
            "+": {each.after.path: each.after.name for each in found if each.after},
        }

    def blocks(self, block: Difference) -> Iterator[TwinBlock]:
        """A block and those in it, if both nets have them."""
        one, two = block.before, block.after
        assert one is not None and two is not None
        title = two.name if one.name == two.name else f"{one.name} → {two.name}"
        inner: list[Difference] = []
        scopes = one.path, two.path
        yield TwinBlock(
            title, scopes, [line for part in block.inner for line in self.lines(part, scopes, inner)]
        )
        for each in inner:
            yield from self.blocks(each)

    def lines(
        self, part: Difference, scopes: tuple[str, str], blocks: list[Difference]
    ) -> Iterator[DiffLine]:
        """The lines of a part; the blocks in it are for later. Names leave out the paths `scopes`."""
        one, two = part.before, part.after
        found = two or one
        assert found is not None
        scope = scopes[1] if two else scopes[0]
        if part.changes:
            words = ", ".join(change_words(found, change, scopes) for change in part.changes)
            more = 0
            if found.kind == "layer":
                words, more = f"{found.name}: {words}", params(part)
            yield DiffLine("!", (relative_to(found.path, scope),), words, (), "", more)
        elif found.kind == "layer" and (one is None or two is None):
            yield self.layer_line("+" if two else "-", found, scope, part)
        if one is not None and two is not None and found.kind == "block":
            blocks.append(part)
        # A scope whose layers are all new, or all gone, is one line; braces put around old layers are none.
        elif found.path and found.kind != "layer" and (one is None or two is None) and is_of_one_net(part):
            words = found.name or layers_words(found.size)
            name = relative_to(found.path, scope)
            yield DiffLine("+" if two else "-", (name,), words, (), name.rpartition(".")[0], params(part))
        else:
            for inner in part.inner:
                yield from self.lines(inner, scopes, blocks)

    def layer_line(self, mark: str, part: Component, scope: str, whole: Difference) -> DiffLine:
        node = part.node
        assert node is not None
        words = spell_layer(node.layer)
        if node.layer.is_join:
            words += f" of {len(node.inputs)} paths"
            return DiffLine(mark, (relative_to(node.path, scope),), words, (), "", 0)
        before = node.inputs[0]
        behind, kind = relative_to(before, scope), self.kinds[mark].get(before, before)
        if scope and behind == before:  # what arrives at the block
            behind = kind = ""
        return DiffLine(mark, (relative_to(node.path, scope),), words, (behind,), kind, params(whole))


def is_of_one_net(scope: Difference) -> bool:
    """Whether all layers of a scope are of only one net."""
    return {each.status for each in layers(scope)} in ({"added"}, {"removed"})


def layers_words(number: int) -> str:
    return "1 layer" if number == 1 else f"{number:,} layers"


def relative_to(path: str, scope: str) -> str:
    """The path as it is seen from a scope that it lies in."""
    return path.removeprefix(f"{scope}.") if scope else path


def change_words(part: Component, change: Change, scopes: tuple[str, str]) -> str:
    """`kernel 5x5 → 3x3`."""
    before, after = change.before, change.after
    if change.what == "paths":
        return f"{before} → {after} paths"
    if change.what == "shared":
        return "shares weights" if after else "has weights of its own"
    if change.what == "idle":
        return after or "in evaluation, too"
    if change.what == "reads":
        before, after = relative_to(before, scopes[0]), relative_to(after, scopes[1])
    elif part.node is not None and change.what != "label":
        before = spell_argument(part.node.layer, change.what, before)
        after = spell_argument(part.node.layer, change.what, after)
    return f"{change.what} {before} → {after}"


def port_lines(port: PortChange) -> Iterator[DiffLine]:
    name = port_name(port)
    if port.before is None or port.after is None:
        mark, shape = ("+", port.after) if port.before is None else ("-", port.before)
        yield DiffLine(mark, (name,), str(shape), (), name, 0)
        return
    words = list(map(port_words, port.changes))
    if port.kind == "input" and port.before != port.after:
        words.insert(0, f"shape {port.before} → {port.after}")
    if words:
        yield DiffLine("!", (name,), ", ".join(words), (), name, 0)


def port_name(port: PortChange) -> str:
    return port.kind if port.name == port.kind else f"{port.kind} {port.name}"


def port_words(change: Change) -> str:
    if change.what == "train":
        return "in training alone" if change.after else "in evaluation, too"
    return f"{change.what} {change.before or 'none'} → {change.after or 'none'}"


def params(difference: Difference) -> int:
    """How many more parameters the second net has by a part."""
    return sum(own_params(each.after) - own_params(each.before) for each in layers(difference))


def own_params(part: Component | None) -> int:
    return part.node.params if part is not None and part.node is not None else 0


def sum_params(copies: tuple[DiffLine, ...]) -> DiffLine:
    return copies[0]._replace(params=sum(line.params for line in copies))


def fold_edits(lines: Iterable[DiffLine]) -> Iterator[DiffLine]:
    """Equal lines as one, in the place of the first."""
    found: dict[tuple[str, str, str], list[DiffLine]] = {}
    for line in lines:
        found.setdefault((line.mark, line.words, line.kind), []).append(line)
    for copies in found.values():
        names = tuple(name for line in copies for name in line.names)
        behind = tuple(name for line in copies for name in line.behind)
        yield sum_params(tuple(copies))._replace(names=names, behind=behind)


def ranges(names: Iterable[str]) -> list[str]:
    """`layer1.0…2`, `dec3…0`; `features.1`, `4`: names that go on counting are one, of equals the number."""
    found: list[str] = []
    stem, last, step = "", None, 0
    for name in names:
        head, number = count_words(name)
        if number is None or last is None or head != stem:
            found.append(name)
            step = 0
        # 0: the direction is open. `dec3…2` goes on with 1, not with 3.
        elif abs(number - last) == 1 and step in (0, number - last):
            step = number - last
            found[-1] = f"{found[-1].partition('…')[0]}…{number}"
        else:
            found.append(str(number))
            step = 0
        stem, last = head, number
    return found


def count_words(name: str) -> tuple[str, int | None]:
    """A name and the number at its end, if it has one."""
    head = name.rstrip("0123456789")
    digits = name[len(head) :]
    return (head, int(digits)) if digits.isascii() and 0 < len(digits) < 10 else (name, None)


# Layers and their arguments as the language writes them, in one line


def spell_layer(it: Layer) -> str:
    """`conv 64@3x3 pad=1`: the layer with the arguments that are not as they would be by themselves."""
    names = {*it.positional, *(name for name, argument in it.arguments.items() if argument.required)}
    given = {name: it.value(name) for name in it.arguments if name in names}
    try:
        usual = type(it)(**given)
    except Misfit:  # it stands only with another argument
        usual = it
    words = [it.name, *(spell_argument(it, name, given[name]) for name in it.positional)]
    for name in it.arguments:
        value = it.value(name)
        if name not in it.positional and name != "in" and (name in names or value != usual.value(name)):
            words.append(f"{name}={spell_argument(it, name, value)}")
    return " ".join(words)


def spell_argument(it: Layer, name: str, value: Any) -> str:
    """An argument's value: windows as `3x3`, steps and pads as `1` where their sides are equal."""
    if isinstance(value, Filter):
        return f"{int(value.count)}@{describe(value.kernel)}"
    if value is None:
        return "none"
    if isinstance(value, tuple) and (len(value) == 4 or not is_leading(it, name)):
        return size(value)
    return f"{value:g}" if isinstance(value, float) else describe(value)


def is_leading(it: Layer, name: str) -> bool:
    """Whether the argument stands behind the layer's name, the kernel of its filters too."""
    return name in it.positional or name not in it.arguments
