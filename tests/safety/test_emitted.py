"""The text of a spec never becomes code: whatever labels, names, strings and file names say (promise 5)."""

from __future__ import annotations

import ast
import builtins
import keyword
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnnspec.backends import emit
from cnnspec.compiler import Checked, check_text
from cnnspec.elaborate.naming import carries

NASTY = [
    "x); import os #",
    "x'); import os #",
    "'''",
    "\\",
    "\\\\",
    "\\N{BULLET}",
    "\\x41",
    "{x}",
    "{",
    "}}",
    "%s",
    "{0.__class__}",
    "\u202etxt",
    "\u2066a\u2069",
    "\ufeff",
    "a b",
    "a-b",
    "0",
    "00",
    "1a",
    "-1",
    "_",
    "__",
    "__init__",
    "__class__",
    "___x",
    "\u00aa",
    "\ufb01",
    "fi",
    "\u212b",
    "\u00c5",
    "A\u030a",
    "ſelf",
    "\U0001d431",
    "x",
    "é",
    "名前",
    "\U0001f600",
    "self",
    "super",
    "torch",
    "nn",
    "F",
    "Tensor",
    "math",
    "NamedTuple",
    "Module",
    "net",
    "N",
    "conv",
    "None",
    "#",
    "$(touch x)",
    "<b>",
    "&amp;",
    "a\tb",
    *keyword.kwlist,
    *keyword.softkwlist,
    *(name for name in dir(builtins) if name.islower()),
]
"""Labels that have broken out of other generators, or might."""

WORDS = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_characters='"\n\r.', exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
)
NAMES = st.sampled_from(
    [n for n in NASTY if n.isascii() and n.isidentifier()] + ["Class", "type", "object_", "input_", "x1"]
) | st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)

KNOWN = {
    "F",
    "NamedTuple",
    "Tensor",
    "__name__",
    "bool",
    "delattr",
    "dict",
    "enumerate",
    "float",
    "getattr",
    "hasattr",
    "int",
    "isinstance",
    "len",
    "list",
    "math",
    "max",
    "min",
    "nn",
    "object",
    "print",
    "property",
    "range",
    "reversed",
    "round",
    "setattr",
    "str",
    "sum",
    "super",
    "sys",
    "torch",
    "tuple",
    "zip",
}
"""What emitted text may name beside what it makes itself."""

UNSEEN = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\0\x1b\ufeff\u2028\u2029\x85")
FORBIDDEN = (ast.Global, ast.Nonlocal, ast.Try, ast.Delete, ast.AsyncFunctionDef, ast.Await, ast.Yield)
IMPORTS = {"torch", "torch.nn.functional", "math", "typing", "collections.abc"}


def bound(tree: ast.AST) -> set[str]:
    """The names that a file gives itself."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
    return found


def inspect(text: str) -> None:
    """Parse an emitted file and look for what is not of the emitter's own making."""
    tree = ast.parse(text)
    names = KNOWN | bound(tree)
    for node in ast.walk(tree):
        assert not isinstance(node, FORBIDDEN), ast.dump(node)
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= IMPORTS
        elif isinstance(node, ast.ImportFrom):
            assert node.module in IMPORTS
        elif isinstance(node, ast.Name):
            assert node.id in names, f"{node.id} comes from nowhere"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "open", "__import__", "input", "vars")
    assert not set(text) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\0\x1b\ufeff\u2028\u2029\x85"
    )
    assert "import os" not in [ast.unparse(node) for node in tree.body]


def built(text: str, name: str = "net.cnn") -> tuple[Checked, str]:
    found = check_text(text, name)
    if found.ok:
        inspect(emit("torch", found.networks[0], name, optimize=True))
    return found, emit("torch", found.networks[0], name) if found.ok else ""


def instance(text: str) -> Any:
    """The net, made on no device."""
    torch = pytest.importorskip("torch")
    space: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(text, "emitted.py", "exec"), space)
    last = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)][-1]
    with torch.device("meta"):
        return space[last]()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@example(["0"])
@example(["0", "1"])  # as nn.Sequential counts
@given(st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_labels(labels: list[str]) -> None:
    steps = "\n".join(f'    "{label}": conv 3@1x1' for label in labels)
    found, text = built(f"net N {{\n    input 3@8x8\n{steps}\n}}\n")
    if not found.ok:
        fit = [label for label in labels if carries(label)]
        nobody = any(not label.isprintable() or set(label) & set("{}") for label in labels)
        assert len(fit) < len(labels) or nobody, found.diagnostics[0].message
        return
    inspect(text)
    keys = [key.rsplit(".", 1)[0] for key in instance(text).state_dict()]
    assert keys[::2] == labels


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=3, max_size=3, unique=True))
def test_labels_of_braces_and_blocks_and_wires(labels: list[str]) -> None:
    group, block, inner = labels
    text = f"""block B {{ "{inner}": conv 3@1x1 }}
net N {{
    input 3@8x8
    "{group}": {{ "{inner}": conv 3@1x1, "{block}": B }}
    from "{group}"."{inner}"
    add {{ | from "{group}" | again "{group}"."{block}" }}
    repeat i in 2 {{ "{group}{{i}}": conv 3@1x1 }}
}}
"""
    found, emitted = built(text)
    if found.ok:
        inspect(emitted)
        keys = set(instance(emitted).state_dict())
        assert {f"{group}.{inner}.weight", f"{group}.{block}.{inner}.weight"} <= keys
    else:
        assert found.diagnostics


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(NAMES, min_size=6, max_size=6, unique=True))
def test_names(names: list[str]) -> None:
    net, block, width, depth, constant, label = names
    text = f"""{constant} = 2
block {block}({width}, {depth}=1) {{
    {label}: conv ({width} + {depth})@1x1
    conv (in.channels * {constant})@1x1
}}
net {net}({width}=4) {{
    input 3@8x8
    {label}: {block} {width}
    repeat {constant} {{ {block} {width} {depth}={width} }}
    flatten, linear {width}
}}
"""
    found, emitted = built(text)
    if found.ok:
        inspect(emitted)
        assert f"{label}.{label}.weight" in instance(emitted).state_dict()
    else:
        assert found.diagnostics


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_messages_and_file_names(message: str, name: str) -> None:
    text = f'net N {{\n    input 3@8x8\n    require in.height > 1, "{message}"\n    conv 3@1x1\n}}\n'
    found, emitted = built(text, f"{name}.cnn")
    if found.ok:
        inspect(emitted)
        assert emitted.splitlines()[0].startswith("# N: made by cnnspec")


@settings(max_examples=60, deadline=None)
@given(WORDS, st.sampled_from(["init", "pad", "mode", "weights", "bias", "groups"]))
def test_strings_as_arguments(word: str, argument: str) -> None:
    found, emitted = built(f'net N {{\n    input 3@8x8\n    conv 3@3x3 {argument}="{word}"\n}}\n')
    if found.ok:
        inspect(emitted)
    else:
        assert found.diagnostics
