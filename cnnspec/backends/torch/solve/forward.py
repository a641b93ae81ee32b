"""The forward of a class: the wiring, written once for all rows of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from functools import partial, reduce
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from cnnspec.backends.names import is_plain
from cnnspec.backends.torch.solve.classes import Class
from cnnspec.backends.torch.solve.literals import literal
from cnnspec.backends.torch.solve.solutions import Assign, Branch, Solved, append
from cnnspec.backends.torch.solve.statements import DEEPEST, NO_READS, Expression, Statements, values_read
from cnnspec.backends.torch.unify.columns import Body, Column, Unaligned, Way, agree
from cnnspec.backends.torch.unify.steps import is_container, is_method, is_parameter, outputs_of
from cnnspec.backends.writer import WIDTH, Arguments, Text, behind, call, flat, infix
from cnnspec.graph.tree import Again, From, If, Leaf, Merge, Path, Use, Value

NEEDS = ("always", "training", "none")


class Forward(Statements):
    """Writes the steps of a class, one after the other: each takes the expression that the last one left."""

    def solve(self) -> tuple[list[str], Solved]:
        """The arguments and all statements. Raises Unaligned where they differ from row to row."""
        cls = self.cls
        x = self.walk(cls.body(), self.begin())
        several = [(each.name, [{0: output.value} for _, output in each.fields]) for each in cls.returns]
        # `if self.training: return NOutputs(fc, aux)`, then `return fc`
        *training, always = several or [("", [{row: each.outputs[0] for row, each in enumerate(cls.rows)}])]
        for returned in training:
            x = self.at_need("training", x, partial(self.leave, *returned))
        self.leave(*always, x)
        return self.inputs, self.statements

    def walk(self, body: Body, x: Expression) -> Expression:
        """The steps; under `if self.training` what only training needs, not at all what nothing does."""
        needed = [(need, column) for column in body if (need := self.need(column)) != "none"]
        # one `if self.training:` for all that only training needs in a row
        for need, run in groupby(needed, itemgetter(0)):
            x = self.at_need(need, x, partial(self.chain, [column for _, column in run]))
        return x

    def chain(self, columns: Iterable[Column], x: Expression) -> Expression:
        for column in columns:
            x = self.step(column, x)
        return x

    def need(self, column: Column) -> str:
        """What a step is wanted for: always, training, none. Raises Unaligned where a row wants more."""
        wanted = [self.need_of(outputs_of(step)) for step in column.steps]
        if not agree(wanted) and not isinstance(column.first, If):
            raise Unaligned
        # an `if` may be idle in some rows: the row that needs most decides
        return min(wanted, key=NEEDS.index)

    def need_of(self, values: Collection[Value]) -> str:
        # a wire makes no value of its own: it takes no line that an `if` could keep from running
        if not values or not self.cls.evaluated.isdisjoint(values):
            return "always"
        return "none" if self.cls.live.isdisjoint(values) else "training"

    def step(self, column: Column, x: Expression) -> Expression:
        first = column.first
        if isinstance(first, Leaf | Use):
            return self.module(column, x)
        if isinstance(first, From):
            self.hold(x)  # the chain ends here and another goes on
            return Expression(column.outputs)
        if isinstance(first, Again):
            return self.step(Column(column.of("step")), x)
        if isinstance(first, Merge):
            return self.merge(column, x)
        if column.is_idle:
            return x
        if is_container(first):
            # what stands in a bare module is called step by step: self.a["conv1"](x)
            is_bare = not self.cls.bare_scopes.isdisjoint(step.name for step in column.steps)
            return self.walk(column.inside(), x) if is_bare else self.run_module(column, x)
        return self.branches(column, x) if isinstance(first, If) else self.walk(column.unrolled(), x)

    def module(self, column: Column, x: Expression) -> Expression:
        first, inputs, outputs = column.first, column.inputs, column.outputs
        column.agreed(lambda step: (is_method(step), is_parameter(step)))  # a call, or an expression
        if is_method(first):
            return self.apply(column, x, lambda text: call(f"{text}.flatten", "1"), is_method=True)
        sizes = column.each(self.cls.like)
        # a row without a map to be cropped to has a Crop of its own, and so have all
        if not all(sizes.values()) and not is_parameter(first):
            return self.run_module(column, x)
        self.hold(x)
        variable = self.variable(inputs)
        self.variables.reads.subtract(inputs.items())
        if is_parameter(first):
            parameter, symbol = self.access(column), column.agreed(lambda step: step.layer.symbol)
            if shape := column.agreed(lambda step: step.layer.spread(step.input.shape)):  # for each channel
                parameter = call(f"{flat(parameter)}.reshape", *map(str, shape))
            product = behind(f"{variable} {symbol} ", parameter)
            made = Expression(outputs, product, 1, atomic=False, variables=(variable,))
        else:
            made = Expression(outputs, call("crop", variable, self.variable(sizes)), variables=())
            self.variables.reads.subtract(sizes.items())
        return self.produce(column, made)

    def run_module(self, column: Column, x: Expression) -> Expression:
        """`self.conv1(value)`."""
        module = flat(self.access(column))
        return self.apply(column, x, lambda text: call(module, text))

    def access(self, column: Column) -> Text:
        """The module of a step: an attribute, or found by its path."""
        if attribute := self.cls.attribute(column):
            return f"self.{attribute}"
        if not column.name:
            raise Unaligned
        if is_parameter(column.first):
            return call("self.get_parameter", literal(column.name))
        scope, _, name = column.name.rpartition(".")
        if self.cls.is_keyed(column.name) and is_plain(scope):
            return f"self.{scope}[{literal(name)}]"
        return call("self.get_submodule", literal(column.name))

    def branches(self, column: Column, x: Expression) -> Expression:
        """An `if` that some rows take: it ends in one variable, whatever each of its branches does."""
        then, otherwise = column.ways()
        if then.is_everywhere or otherwise.is_everywhere:
            return self.walk(then.body or otherwise.body, x)
        self.hold(x)
        # both branches must leave their value in one variable: what follows reads it whichever ran
        end = self.end_of(column)
        ends, blocks = column.outputs, []
        for way in (then, otherwise):
            with self.inside(end, way.ends, ends.items()) as lines:
                self.hold(self.walk(way.body, Expression(column.inputs)))
                found = "" if self.cls.live.isdisjoint(ends.values()) else self.variable(ends)
                # a branch that does nothing ends in what arrived: y = x
                if found and not self.variables.holds(end, ends):
                    self.assign(end, ends, found)
            blocks.append(lines)
        append(self.statements, Branch(self.cls.flag(then), *blocks))
        return Expression(ends)

    def end_of(self, column: Column) -> str:
        """The variable that branches end in, that of what arrives if the acting rows may write over it."""
        acting = [row for row, step in column.rows.items() if step.output is not step.input]
        # the branch reads these before it ends: they do not keep what arrives from being written over
        besides = Counter((row, v) for row, step in column.rows.items() for v in self.cls.reads([step]))
        source = self.variables.find(column.inputs)
        with self.variables.run_by(acting):
            if source and source not in self.named and self.variables.is_free(source, besides=besides):
                return source
        passes = len(acting) < len(column.rows)  # where no row of a branch acts, the end is what arrives
        end = self.free_variable(besides=NO_READS if passes else besides)
        if passes and source and end != source:
            self.assign(end, column.inputs, source)
        return end

    # Joins

    def merge(self, column: Column, x: Expression) -> Expression:
        """The paths of a join one after the other, then the join, where several paths are live."""
        self.hold(x)
        x = Expression(column.inputs)
        live, need = column.paths(), self.need_of(column.outputs.values())
        # the other paths are none: nothing is joined
        if len(live) == 1 and live[0].is_everywhere:
            return self.walk(live[0].body, x)
        adder = find_adder(self.cls, column, live)
        at_once = need == "always" or self.variables.is_training  # the join runs wherever its paths do
        condition, operands, around = "", list[Expression](), self.target
        for number, path in enumerate(live):
            later, self.target = live[number + 1 :], around
            if not path.is_everywhere:
                # `y + x if self.residual else y` has no like for three paths, or for a first that is missing
                if (number, len(live)) != (1, 2):
                    raise Unaligned
                condition = self.cls.flag(path)
            space = WIDTH
            if later:  # beside variables
                # x = torch.cat((y, z, self.conv3(x)), dim=1): 8 for each operand, 12 more for a function
                space = self.room - len("x = ") - 8 * len(live) - 12 * (not column.first.layer.symbol)
            # z = self.conv2(x) of a later path would run before an operand that is not held yet
            holds = at_once and not (later and adder is not None) and all(map(is_passive, later))
            self.target = self.free_variable(is_branch=True)
            body = path.body[:-1] if number == adder else path.body  # the adder runs in the join
            operands.append(self.path(path, body, condition, x, space if holds else 0))
        self.target = around
        if need == "none":
            return x
        return self.at_need(need, x, lambda _: self.join(column, live, operands, adder, condition))

    def path(self, path: Way, body: Body, condition: str, x: Expression, space: int) -> Expression:
        """A path's lines, and what is left to the join of them, where that has so much space."""
        if path.is_everywhere:
            return self.operand(self.walk(body, x), space)
        with self.inside(self.target, path.ends) as lines:
            x = self.walk(body, x)
            x = self.operand(x, 0 if lines else space)
        append(self.statements, Branch(condition, lines, []))
        return x

    def operand(self, x: Expression, space: int) -> Expression:
        """An expression as it can stand in so much space of a join; else a variable holds it."""
        shared = any(self.variables.reads[place] > 1 for place in x.values.items())
        return x if x.atomic and len(flat(x.text)) <= space and not shared else self.hold(x)

    def join(
        self, column: Column, paths: list[Way], operands: list[Expression], adder: int | None, condition: str
    ) -> Expression:
        outputs, symbol, activation = column.outputs, column.first.layer.symbol, activation_of(column)
        for number, path in enumerate(paths):
            # an adder is given what arrives at it: conv(x, y) computes conv(x) + y in one call
            ends = path.body[-1].inputs if number == adder else path.ends
            with self.variables.run_by(path.ends):
                operands[number] = self.read(operands[number], ends, values_read(ends, outputs))
        texts, deepest = [each.text for each in operands], max(each.depth for each in operands)
        if adder is not None:
            callee, given = flat(self.access(paths[adder].body[-1])), [texts[adder], texts[1 - adder]]
            given += [f'"{activation}"'] if activation else []
            made = Expression(outputs, call(callee, *map(flat, given)), deepest + 1)
        elif condition:
            if self.join_within(column, paths[0], condition, texts):
                return Expression(outputs)
            either = behind(f"{flat(join_text(column, texts))} if {condition} else ", texts[0])
            # y + x if self.residual else y: as deep as can be, so that no call goes around it
            made = Expression(outputs, either, DEEPEST, atomic=False, variables=tensors(column, operands))
        else:
            variables = tensors(column, operands) if symbol else ()
            depth = 1 if symbol else deepest + 1
            made = Expression(outputs, join_text(column, texts), depth, not symbol, variables)
        return self.produce(column, made)

    def join_within(self, column: Column, first: Way, condition: str, texts: list[Text]) -> bool:
        """Join in the branch right before, if that has the condition and a variable holds the first path."""
        last, name = self.statements[-1] if self.statements else None, flat(texts[0])
        if not (isinstance(last, Branch) and last.condition == condition and last.then):
            return False
        if not (self.variables.holds(name, first.ends) and self.variables.is_free(name, column.outputs)):
            return False
        before = last.then[-1]
        made = before.made if isinstance(before, Assign) and before.target == name else ""
        if isinstance(made, Arguments) and " " not in made.head:  # one call may stand beside an operator
            # y = drop(y), then y = y + x: one line, y = drop(y) + x
            last.then.pop()
            texts = [made, *texts[1:]]
        last.then.append(Assign(join_text(column, texts), name))
        self.variables.assign(name, column.outputs)
        return True


def is_passive(path: Way) -> bool:
    """Whether a path hands on a value that is there, in all rows."""
    return path.is_everywhere and all(isinstance(column.first, From) for column in path.body)


# The expressions of joins, and convolutions that add


def join_text(join: Column, texts: list[Text]) -> Text:
    """The expression of a join; a sum is added to one of its paths where all rows may."""
    symbol, activation = join.first.layer.symbol, activation_of(join)
    made = infix(symbol, texts) if symbol else function_text(join, texts)
    for place in in_place(join)[:1]:
        # y.add_(x).add_(z)
        made = texts[place]
        for text in (*texts[:place], *texts[place + 1 :]):
            made = call(f"{flat(made)}.add_", flat(text))
    return call(f"F.{activation}", flat(made), "inplace=True") if activation else made


def tensors(join: Column, operands: list[Expression]) -> tuple[str, ...] | None:
    """The variables that mypy must know to be tensors, to take the sum or the product of all for one."""
    found = [each.variables for each in operands if each.variables is not None]
    return tuple(chain(*found)) if len(found) == len(operands) and not activation_of(join) else None


def function_text(join: Column, texts: list[Text]) -> Text:
    """A function of all values at once, or of two, then of what it made of them and the third."""
    function = join.first.layer.function
    if function == "torch.cat":
        return call(function, call("", *map(flat, texts)), "dim=1")
    arguments = [*map(repr, join.agreed(lambda step: [*step.layer.torch_keywords().values()]))]
    # torch.maximum(torch.maximum(x, y), z)
    return reduce(lambda made, text: call(function, flat(made), flat(text), *arguments), texts)


def activation_of(join: Column) -> Any:
    """The activation that a join has taken in."""
    return join.agreed(lambda step: getattr(step.layer, "activation", None))


def in_place(join: Column) -> list[int]:
    """The paths that the others may be added to in all rows; one with a single path adds nothing."""
    found = [getattr(step.layer, "in_place", ()) for step in join.steps if len(step.live) > 1]
    # a row with one live path has no join to work in place
    return [place for place in found[0] if all(place in other for other in found)] if found else []


def find_adder(cls: Class, join: Column, paths: list[Way]) -> int | None:
    """The one of a sum's two paths whose last convolution adds to the other, and writes over it."""
    for place in in_place(join) if all(len(step.live) == 2 for step in join.steps) else ():
        ends = zip(paths[1 - place].steps.values(), join.steps, strict=True)
        if all(waits(cls, path, step) for path, step in ends):
            return 1 - place
    return None


def waits(cls: Class, path: Path, step: Merge) -> bool:
    """Whether a path's end can add, once the other path has run.

    Until then what arrives at the end must last: nobody else has it, to write over it.
    """
    last = path.steps[-1] if len(path.steps) > 1 else None
    if not isinstance(last, Leaf) or not getattr(last.layer, "packed", False):
        return False
    acts = getattr(last.layer, "activation", None) is not None  # before it could add
    return not acts and last.input is not step.input and cls.kept.isdisjoint({last.input, path.output})
