"""README's recipes: what a new layer lacks is said all at once, and a toy of each recipe works."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnspec.backends.numpy.kernel_sources import definitions
from cnnspec.backends.numpy.lowering import LOWERINGS, lower
from cnnspec.backends.onnx.lowering import LOWERINGS as OPERATORS
from cnnspec.faults.handbook import with_layers
from cnnspec.layers import NAMES, find
from cnnspec.layers.base import Unsupported
from cnnspec.values.shapes import Shape
from tests.safety.running import python

pytest.importorskip("torch")
from tests.layers.instantiate import MODULES, PARAMETERS, make

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (ROOT / "grammars/README.md").read_text("utf-8")


def lacks(name: str) -> Iterator[str]:
    """What a layer lacks, as its author would do it next."""
    cls = find(name)
    assert cls is not None
    cases = [(arguments, x) for other, arguments, x in MODULES + PARAMETERS if other == name]
    if not cls.is_join and not cases:
        yield "a case in tests/layers/instantiate.py"
    for argument, declared in {} if cls.is_join else cls.arguments.items():
        tried = [arguments[argument] for arguments, _ in cases if argument in arguments]
        if not tried:
            yield f"a case with `{argument}` in tests/layers/instantiate.py"
        for word in set(declared.choices) - {declared.default} if declared.kind == "word" else ():
            if word not in tried:
                yield f"a case with `{argument}={word}` in tests/layers/instantiate.py"
    if not cls.is_join and not any(case in PARAMETERS for case in [(name, *c) for c in cases]):
        try:
            [make(name, **arguments).torch(x) for arguments, x in cases]
        except Unsupported:
            yield "its `torch_class`, its `helper`, or a method `torch`, in cnnspec/layers/"
    if with_layers(REFERENCE) != REFERENCE:
        yield "its page: python -m cnnspec.faults.handbook"
    if name not in OPERATORS:
        yield "a row in cnnspec/backends/onnx/lowering.py"
    if name not in LOWERINGS:
        yield "a row in cnnspec/backends/numpy/lowering.py"
        return
    joins = [(dict.fromkeys(cls.arguments, 2), Shape(4, 6, 6))] if cls.is_join else []
    kernels = {lower(make(name, **arguments), x).kernel for arguments, x in cases or joins}
    for kernel in sorted(kernels - definitions().keys()):
        yield f"a kernel `{kernel}` in cnnspec/backends/numpy/kernels/"
    for kernel in sorted(kernels & definitions().keys()):
        if f"{kernel}_backward" not in definitions():
            yield f"its gradient `{kernel}_backward` in cnnspec/backends/numpy/kernels/"


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_whole(name: str) -> None:
    lacking = list(lacks(name))
    assert not lacking, f"`{name}` lacks:\n" + "\n".join(f"- {each}" for each in lacking)


def test_facts_name_what_is_there() -> None:
    """A form that a kernel names, but no file defines, would be left out in silence."""
    named = {
        definition.facts[fact]
        for definition in definitions().values()
        for fact in ("quick", "running")
        if fact in definition.facts
    }
    assert named <= definitions().keys()
    assert {"quick_in_place", "quick_norm", "running_norm"} <= named


CUBE = '''

class Cube(Layer):
    """x^3 + shift."""

    summary = "x^3 + shift"
    helper = "Cube"
    positional = ("shift",)
    shift: float = argument("float", 0.0, doc="what is added", torch="shift")
'''
CUBE_MODULE = '''

class Cube(nn.Module):
    """x^3 + shift."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        return x**3 + self.shift
'''
CUBE_KERNEL = '''

def cube(x: Array, shift: float = 0.0) -> Array:
    """x^3 + shift."""
    y: Array = x**3 + shift
    return y
'''
CUBE_BACKWARD = '''

def cube_backward(grad: Array, x: Array) -> Array:
    """3*x^2*grad."""
    dx: Array = 3 * x**2 * grad
    return dx
'''
CUBE_ROW = """
    "cube": lambda step: step.op(
        "Add", step.op("Mul", step.op("Mul", step.x, step.x), step.x), step.number(step.layer.value("shift"))
    ),
"""
SPEC = "net N {\n    input 2@8x8\n    conv 3@3x3, cube 0.5, flatten, linear 4\n}\n"
OUTLINE = '''"""A list of layers."""

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network


def emit(network: Network, source: str) -> str:
    names = [node.layer.name for node in unroll(network).nodes]
    return f"LAYERS = {names!r}\\n"
'''


@pytest.fixture(name="copy")
def copied(tmp_path: Path) -> Path:
    """The house, to build on."""
    keep = shutil.ignore_patterns("__pycache__", "zoo", "random", "golden")
    for folder in ("cnnspec", "grammars", "specs", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=keep)
    for file in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / "net.cnn").write_text(SPEC)
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, after), "utf-8")


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + text, "utf-8")


def runs(copy: Path, *arguments: str) -> str:
    """What Python prints in the copy, in which it ends well."""
    ran = python(*arguments, cwd=copy, PYTHONPATH=str(copy))
    assert ran.code == 0, ran.out + ran.err
    return ran.out


@pytest.mark.slow
def test_a_toy_layer(copy: Path) -> None:
    rows = [f"cnnspec/backends/{backend}/lowering.py" for backend in ("numpy", "onnx")]
    names = "cnnspec/layers/__init__.py", *rows, "tests/layers/instantiate.py"
    assert all(f"`{name}`" in README for name in names)
    table, lowering, operators, cases = (copy / name for name in names)
    layers, numpy = copy / "cnnspec/layers/activation.py", copy / "cnnspec/backends/numpy"
    add(layers, CUBE)
    change(table, "logsoftmax abs", "logsoftmax abs cube")
    own = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/layers/test_recipes.py"]
    ran = python(*own, "-k", "whole and cube", cwd=copy, PYTHONPATH=str(copy))
    said = set(re.findall(r"^E +- (.*)", ran.out, re.MULTILINE))
    assert {each.partition(":")[0].rpartition(" ")[2] for each in said} == {"page", *names[1:]}, ran.out
    add(copy / "cnnspec/backends/torch/modules/layers.py", CUBE_MODULE)
    change(operators, '\n    "abs": plain(', f'{CUBE_ROW}    "abs": plain(')
    change(lowering, '    "abs": plain(', '    "cube": plain("cube", "shift"),\n    "abs": plain(')
    change(
        cases, '    ("flatten", {}, WIDE),', '    ("cube", {"shift": 2.0}, WIDE),\n    ("flatten", {}, WIDE),'
    )
    add(numpy / "kernels/activation.py", CUBE_KERNEL)
    runs(copy, "-m", "cnnspec.faults.handbook")
    ran = python(*own, "-k", "whole and cube", cwd=copy, PYTHONPATH=str(copy))
    assert re.findall(r"^E +- (.*)", ran.out, re.MULTILINE) == [
        "its gradient `cube_backward` in cnnspec/backends/numpy/kernels/"
    ]
    add(numpy / "kernels/activation.py", CUBE_BACKWARD)
    runs(copy, *own, "-k", "whole and (cube or relu)")
    assert "cube" in runs(copy, "-m", "cnnspec", "explain", "cube")
    back_ends = "torch,numpy,onnx" if find_spec("onnxruntime") else "torch,numpy"
    assert "agree" in runs(copy, "-m", "cnnspec", "verify", "net.cnn", "--backends", back_ends)
    runs(copy, "-m", "cnnspec", "draw", "net.cnn")


@pytest.mark.slow
def test_a_toy_back_end(copy: Path) -> None:
    assert "`emit(network, source) -> str`" in README
    assert "`cnnspec/backends/__init__.py`" in README
    (copy / "cnnspec/backends/outline.py").write_text(OUTLINE)
    change(
        copy / "cnnspec/backends/__init__.py",
        'PROGRAMS = {"torch": "cnnspec.backends.torch",',
        'PROGRAMS = {"outline": "cnnspec.backends.outline", "torch": "cnnspec.backends.torch",',
    )
    (copy / "net.cnn").write_text(SPEC.replace("cube 0.5", "relu"))
    built = runs(copy, "-m", "cnnspec", "build", "net.cnn", "--backend", "outline")
    assert built == "LAYERS = ['conv', 'relu', 'flatten', 'linear']\n"
