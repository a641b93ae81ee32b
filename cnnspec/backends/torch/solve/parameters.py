"""What the constructor of a class takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.signatures import Signature
from cnnspec.backends.torch.solve.literals import annotation, literal, shares
from cnnspec.backends.torch.solve.solutions import Added, Formula, Given, Solved, leaves
from cnnspec.backends.torch.unify.columns import ByRow, alike_columns
from cnnspec.values.kinds import Filter
from cnnspec.values.symbols import names as names_in


class Parameters:
    """The parameters of a class: those of its block that it reads, and others that it adds (`+kernel_size`).

    `arguments` are those of the block, row by row. `columns` has each parameter's values by the block's name
    for it, in the order of the text; None for what is a number in the caller's own terms.
    """

    def __init__(self, arguments: Sequence[Mapping[str, Any]], names: Names) -> None:
        self.arguments, self.names = arguments, names
        # {"in.channels": None, "act": {0: nn.ReLU, 1: None}, "+kernel_size": {0: 3, 1: 5}}
        self.columns: dict[str, ByRow | None] = {}
        self.defaults: dict[str, Any] = {}  # where they are literals

    def find(self, constructor: Solved) -> None:
        """Find what a constructor reads, and name it."""
        for read in leaves(constructor):
            if isinstance(read, Formula):
                # None: each use writes its own formula, Bottleneck(4 * width, …)
                self.columns |= dict.fromkeys(sorted(names_in(read.terms) - self.columns.keys()))
            elif isinstance(read, Given):
                if not read.otherwise:
                    given = {row: each[read.name] for row, each in enumerate(self.arguments)}
                    self.columns.setdefault(read.name, given)
            elif not self.added(read):
                name = f"+{read.hint}"
                # two places may differ in kernels, each in its own way: +kernel_size, +kernel_size_
                while name in self.columns:
                    name += "_"
                first, *_ = read.column.values()
                # a row that never reads it takes any value: the caller must say one
                self.columns[name] = {row: read.column.get(row, first) for row in range(len(self.arguments))}
        for name, column in self.columns.items():
            self.names.parameter(name)
            self.columns[name] = column and shares(column)

    def added(self, solved: Added) -> str:
        """The parameter that was added for these values, "" where none was: what may be None is another."""
        is_optional = None in solved.column.values()
        own = ((name, known) for name, known in self.columns.items() if known and name[0] == "+")
        for name, known in own:
            # two places with 3, 5, 3 in the rows are one parameter, whatever each would call it
            if alike_columns(known, solved.column) and (None in known.values()) == is_optional:
                return name
        return ""

    def ordered(self) -> list[tuple[str, ByRow | None]]:
        """What arrives, the block's own parameters, what was added, what has a default."""
        own = list(self.arguments[0])
        filters = [n for n, name in enumerate(own) if isinstance(self.arguments[0][name], Filter)]

        def rank(item: tuple[str, ByRow | None]) -> tuple[int, int]:
            name = item[0]
            if name in self.defaults:
                return 3, own.index(name)
            if name == "+kernel_size" and filters:
                return 1, filters[0]  # behind the filters' number
            return (0, 0) if name == "in.channels" else (1, own.index(name)) if name in own else (2, 0)

        return sorted(self.columns.items(), key=rank)

    def declarations(self) -> list[str]:
        """The parameters with their types and their defaults, as Python writes them."""
        parts = []
        for name, column in self.ordered():
            defaults = [self.defaults[name]] if name in self.defaults else []
            kind = "int" if column is None else annotation([*column.values(), *defaults])
            default = "".join(f" = {literal(value)}" for value in defaults)
            parts.append(f"{self.names.parameter(name)}: {kind}{default}")
        return parts

    def signature(self) -> Signature:
        """What a call may leave unsaid."""
        names = [name for name, _ in self.ordered() if name != "in.channels"]
        said = tuple(self.names.parameter(name) for name in names if name not in self.defaults)
        return Signature(said, {self.names.parameter(name): value for name, value in self.defaults.items()})
