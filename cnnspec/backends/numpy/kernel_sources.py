"""The definitions of kernels/ as text: what emitted files copy, and what each one needs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).with_name("kernels")
SHORT = Path(__file__).with_name("short")
"""Definitions that stand in plain programs for those of the same names in FOLDER."""

SHORT_MODULES = ("windowed", "store", "learning")

MODULES = (
    "arrays",
    "threads",
    "conv",
    "pool",
    "norm",
    "activation",
    "response",
    "linear",
    "resize",
    "channels",
    "tensors",
    "net",
    "training",
    "arena",
    "posts",
    "plan",
    "folding",
    "strips",
    "winograd",
    "quick_conv",
    "quick",
    "quick_moves",
    "quick_resize",
)
"""In the order in which emitted files hold them. A test keeps it complete."""


class Definition:
    """A function, a class or a constant of a module: its text, and the names that it reads."""

    def __init__(self, module: str, text: str, node: ast.stmt) -> None:
        self.module, self.text, self.node = module, text, node
        self.reads = reads(node)

    @property
    def is_constant(self) -> bool:
        return isinstance(self.node, ast.Assign | ast.AnnAssign)

    @property
    def function(self) -> ast.FunctionDef:
        assert isinstance(self.node, ast.FunctionDef)
        return self.node

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is said of a kernel, as facts.py explains: the arguments of its `facts`."""
        said = self.node.decorator_list if isinstance(self.node, ast.FunctionDef) else []
        return {
            keyword.arg or "": ast.literal_eval(keyword.value)
            for call in said
            if isinstance(call, ast.Call)
            for keyword in call.keywords
        }

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of a function's parameters."""
        given = self.function.args
        return tuple(argument.arg for argument in [*given.args, *([given.vararg] if given.vararg else [])])

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The defaults of a kernel's parameters, which are the last ones."""
        values = [ast.literal_eval(default) for default in self.function.args.defaults]
        return dict(zip(self.parameters[len(self.parameters) - len(values) :], values, strict=True))

    def results(self, paths: int) -> int:
        """How many gradients a backward kernel returns, of a join of so many paths."""
        returns = self.function.returns
        if not isinstance(returns, ast.Subscript):
            return 1
        assert isinstance(returns.slice, ast.Tuple)
        items = returns.slice.elts
        # tuple[Array, ...] is a gradient for each path of a join; tuple[Array, Array] those of x and a weight
        return paths if isinstance(items[-1], ast.Constant) else len(items)


@cache
def parse_module(file: Path) -> tuple[list[str], list[ast.stmt]]:
    """The lines of a module, and its statements."""
    text = file.read_text(encoding="utf-8")
    return text.splitlines(), ast.parse(text).body


@cache
def definitions(folder: Path = FOLDER, modules: tuple[str, ...] = MODULES) -> dict[str, Definition]:
    """All definitions of a folder by name, in order."""
    found: dict[str, Definition] = {}
    for module in modules:
        lines, body = parse_module(folder / f"{module}.py")
        for node, after in zip_longest(body, body[1:]):
            if name := defined(node):
                text = text_of(node, lines)
                if isinstance(after, ast.Expr):  # what is said of a constant
                    text += f"{text_of(after, lines)}\n"
                found[name] = Definition(module, text, node)
    return found


def text_of(node: ast.stmt, lines: list[str]) -> str:
    # the lines from `def` on: the facts stand before it, and emitted files hold none
    return "\n".join(lines[node.lineno - 1 : node.end_lineno]) + "\n"


def shortened() -> dict[str, Definition]:
    """The definitions that plain programs prefer."""
    return definitions(SHORT, SHORT_MODULES)


def general() -> dict[str, Definition]:
    """Those in their place where a net asks for more."""
    return definitions(SHORT, ("general",))


@cache
def imports() -> dict[str, tuple[str, str]]:
    """What definitions import, the package itself aside, by the names that it brings.

    `from math import pi` is {"pi": ("math", "pi")}, `import numpy as np` is {"np": ("", "numpy as np")}.
    """
    found: dict[str, tuple[str, str]] = {}
    files = [FOLDER / f"{module}.py" for module in MODULES]
    files += [SHORT / f"{module}.py" for module in (*SHORT_MODULES, "general")]
    for node in (node for file in files for node in parse_module(file)[1]):
        if isinstance(node, ast.Import):
            found |= {name.asname or name.name: ("", ast.unparse(name)) for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not is_ours(module := node.module or ""):
            found |= {name.name: (module, name.name) for name in node.names}
    return found


def is_ours(module: str) -> bool:
    return module == "__future__" or module.startswith("cnnspec")


def defined(node: ast.stmt) -> str:
    """The name that a statement defines, or nothing."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def reads(node: ast.AST) -> frozenset[str]:
    """The names that code reads from around it: those that a function makes itself are its own."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        found |= reads(child)
    if isinstance(node, ast.Name):
        found.add(node.id)
    # of `def f(a, n=N): b = g(a)` are read g and N
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        parts = list(ast.walk(node))
        found -= {part.arg for part in parts if isinstance(part, ast.arg)}
        found -= {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return frozenset(found)


@cache
def by_axis() -> frozenset[str]:
    """Arguments that may be one number where all axes have the same."""
    node = definitions()["BY_AXIS"].node
    assert isinstance(node, ast.Assign)
    return frozenset(ast.literal_eval(node.value))


class Needed(NamedTuple):
    """What a program needs of all definitions, in the order in which it stands."""

    imports: str
    constants: str
    functions: str


def needed(program: str, offered: tuple[str, ...], everything: Mapping[str, Definition]) -> Needed:
    """What a program needs of all definitions, and what those that it offers its user need."""
    wanted = reads(ast.parse(program)).union(offered)
    used = reached(wanted, everything)
    wanted = wanted.union(*(everything[name].reads for name in used))
    ordered = [definition for name, definition in everything.items() if name in used]
    constants = "".join(definition.text for definition in ordered if definition.is_constant).rstrip() + "\n"
    functions = "\n\n".join(definition.text for definition in ordered if not definition.is_constant)
    return Needed(import_lines(wanted), constants, functions)


def reached(names: Iterable[str], everything: Mapping[str, Definition]) -> set[str]:
    """The definitions of these names, and those that they need."""
    used: set[str] = set()
    wanted = set(names)
    # in rounds: what is new, then what that reads, until nothing is new
    while found := (wanted & everything.keys()) - used:
        used |= found
        wanted = {name for each in found for name in everything[each].reads}
    return used


def import_lines(wanted: frozenset[str]) -> str:
    """The imports that the names need: the standard library first, then NumPy, each part sorted."""
    by_module: dict[str, list[str]] = {}
    for name, (module, spelled) in imports().items():
        if name in wanted:
            by_module.setdefault(module, []).append(spelled)
    # as ruff sorts them: `import math` before `from functools import partial`
    lines = [f"import {spelled}" for spelled in sorted(by_module.pop("", []))]
    lines += [f"from {module} import {', '.join(sorted(by_module[module]))}" for module in sorted(by_module)]
    parts = ([line for line in lines if ("numpy" in line) is outside] for outside in (False, True))
    return "\n".join("\n".join(part) + "\n" for part in parts if part)
