"""The definitions of kernels/ as text: what emitted files copy, and what each one needs."""

from __future__ import annotations

import ast
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).with_name("kernels")

MODULES = (
    "arrays",
    "threads",
    "special",
    "conv",
    "pool",
    "norm",
    "activation",
    "linear",
    "resize",
    "channels",
    "tensors",
    "net",
    "training",
    "arena",
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


@cache
def definitions() -> dict[str, Definition]:
    """All definitions by name, in order."""
    found: dict[str, Definition] = {}
    for module in MODULES:
        text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        body = ast.parse(text).body
        for node, after in zip_longest(body, body[1:]):
            name = defined(node)
            if name:
                segment = f"{ast.get_source_segment(text, node)}\n"
                if isinstance(after, ast.Expr):  # what is said of a constant
                    segment += f"{ast.get_source_segment(text, after)}\n\n"
                found[name] = Definition(module, segment, reads(node), node)
    return found


@cache
def imports() -> dict[str, str]:
    """Import statements by the name that they bring, those of the package itself aside."""
    found: dict[str, str] = {}
    for module in MODULES:
        tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
        for node in tree.body:
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


def reads(node: ast.AST) -> frozenset[str]:
    return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


@cache
def parameters(kernel: str) -> tuple[str, ...]:
    """The names of a kernel's parameters."""
    node = definitions()[kernel].node
    assert isinstance(node, ast.FunctionDef)
    return tuple(argument.arg for argument in node.args.args)


@cache
def defaults(kernel: str) -> dict[str, Any]:
    """The defaults of a kernel's parameters."""
    node = definitions()[kernel].node
    assert isinstance(node, ast.FunctionDef)
    names = parameters(kernel)
    values = [ast.literal_eval(default) for default in node.args.defaults]
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


def assemble(body: str, offered: tuple[str, ...] = ()) -> str:
    """Imports, the definitions that a program needs or offers, the program."""
    everything = definitions()
    wanted = reads(ast.parse(body)) | set(offered)
    used: set[str] = set()
    while found := {name for name in wanted if name in everything} - used:
        used |= found
        wanted = frozenset().union(wanted, *(everything[name].reads for name in found))
    ordered = [(name, everything[name]) for name in everything if name in used]
    constants = (
        "".join(definition.text for _, definition in ordered if definition.is_constant).rstrip() + "\n"
    )
    functions = "\n\n".join(definition.text for _, definition in ordered if not definition.is_constant)
    return import_lines(wanted) + "\n" + constants + "\n\n" + functions + "\n\n" + body


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
        return line.startswith("from"), line

    parts = ["\n".join(sorted(part, key=key)) + "\n" for part in (standard, outside) if part]
    return "\n".join(parts)
