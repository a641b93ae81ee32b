"""The definitions of kernels/ as text: what emitted files copy, and what each one needs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
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
    "special",
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


class Definition(NamedTuple):
    """A function, a class or a constant of a module: its text, and the names that it reads."""

    module: str
    text: str
    reads: frozenset[str]
    node: ast.stmt

    @property
    def is_constant(self) -> bool:
        return isinstance(self.node, ast.Assign | ast.AnnAssign)

    @property
    def facts(self) -> dict[str, Any]:
        """What is said of a kernel: the arguments of its `facts`."""
        said = self.node.decorator_list if isinstance(self.node, ast.FunctionDef) else []
        return {
            keyword.arg or "": ast.literal_eval(keyword.value)
            for call in said
            if isinstance(call, ast.Call)
            for keyword in call.keywords
        }


@cache
def definitions(folder: Path = FOLDER, modules: tuple[str, ...] = MODULES) -> dict[str, Definition]:
    """All definitions of a folder by name, in order."""
    found: dict[str, Definition] = {}
    for module in modules:
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        body = ast.parse(text).body
        for node, after in zip_longest(body, body[1:]):
            name = defined(node)
            if name:
                segment = f"{ast.get_source_segment(text, node)}\n"
                if isinstance(after, ast.Expr):  # what is said of a constant
                    segment += f"{ast.get_source_segment(text, after)}\n\n"
                found[name] = Definition(module, segment, reads(node), node)
    return found


def shortened() -> dict[str, Definition]:
    """The definitions that plain programs prefer."""
    return definitions(SHORT, SHORT_MODULES)


def general() -> dict[str, Definition]:
    """Those in their place where a net asks for more."""
    return definitions(SHORT, ("general",))


@cache
def imports() -> dict[str, str]:
    """Import statements by the name that they bring, those of the package itself aside."""
    found: dict[str, str] = {}
    files = [FOLDER / f"{module}.py" for module in MODULES]
    files += [SHORT / f"{module}.py" for module in (*SHORT_MODULES, "general")]
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                for name in node.names:
                    found[name.asname or name.name] = ast.unparse(ast.Import([name]))
            elif isinstance(node, ast.ImportFrom) and not ours(node.module or ""):
                found |= {name.name: f"from {node.module} import {name.name}" for name in node.names}
    return found


def ours(module: str) -> bool:
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


def reads_of(text: str) -> frozenset[str]:
    """The names that a program reads."""
    return reads(ast.parse(text))


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


def argument_names(definition: Definition) -> tuple[str, ...]:
    """The names of a function's parameters."""
    assert isinstance(definition.node, ast.FunctionDef)
    given = definition.node.args
    return tuple(argument.arg for argument in [*given.args, *([given.vararg] if given.vararg else [])])


def parameters(kernel: str) -> tuple[str, ...]:
    """The names of a kernel's parameters."""
    return argument_names(definitions()[kernel])


def results(backward: Definition, paths: int) -> int:
    """How many gradients a backward kernel returns, of a join of so many paths."""
    assert isinstance(backward.node, ast.FunctionDef)
    if not isinstance(backward.node.returns, ast.Subscript):
        return 1
    assert isinstance(backward.node.returns.slice, ast.Tuple)
    items = backward.node.returns.slice.elts
    # tuple[Array, ...] is a gradient for each path of a join; tuple[Array, Array] those of x and a weight
    return paths if isinstance(items[-1], ast.Constant) else len(items)


@cache
def facts(kernel: str) -> dict[str, Any]:
    """What is said of a kernel, as facts.py explains."""
    return definitions()[kernel].facts


@cache
def by_axis() -> frozenset[str]:
    """Arguments that may be one number where all axes have the same."""
    node = definitions()["BY_AXIS"].node
    assert isinstance(node, ast.Assign)
    return frozenset(ast.literal_eval(node.value))


@cache
def defaults(kernel: str) -> dict[str, Any]:
    """The defaults of a kernel's parameters."""
    node = definitions()[kernel].node
    assert isinstance(node, ast.FunctionDef)
    names = parameters(kernel)
    values = [ast.literal_eval(default) for default in node.args.defaults]
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


class Needed(NamedTuple):
    """What a program needs of all definitions, in the order in which it stands."""

    imports: str
    constants: str
    functions: str


def assemble(table: str, body: str, offered: tuple[str, ...] = ()) -> str:
    """Imports, the table of layers, the definitions that a program needs or offers, the program."""
    # SGD and Adam are offered: the program does not call them, its user does
    found = needed(reads(ast.parse(table + body)) | set(offered), definitions())
    return "\n\n".join([found.imports, table, found.constants, found.functions, body])


def needed(wanted: frozenset[str], everything: Mapping[str, Definition]) -> Needed:
    """What names need of all definitions."""
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
    standard: set[str] = set()
    joined: dict[str, list[str]] = {}
    outside: set[str] = set()
    for name, statement in imports().items():
        if name not in wanted:
            continue
        if statement.startswith("from "):
            module = statement.split()[1]
            joined.setdefault(module, []).append(name)
        else:
            (outside if "numpy" in statement else standard).add(statement)
    for module, names in joined.items():
        statement = f"from {module} import {', '.join(sorted(names))}"
        (outside if module.startswith("numpy") else standard).add(statement)

    def key(line: str) -> tuple[bool, str]:
        # as ruff sorts them: `import math` before `from functools import partial`
        return line.startswith("from"), line

    parts = ["\n".join(sorted(part, key=key)) + "\n" for part in (standard, outside) if part]
    return "\n".join(parts)
