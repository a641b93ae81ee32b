"""The classes of emitted files, given other arguments than those that they are used with.

What a class then holds and computes is what its block is for these arguments, as the checker reads it.
CNNSPEC_LONG=1 tries every net of the zoo, and those whose maps must be large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import pytest

from cnnspec.backends import emit
from cnnspec.backends import torch as back_end
from cnnspec.backends.torch.solve.literals import ClassName
from cnnspec.backends.torch.solve.program import Constructed, Program
from cnnspec.compiler import check
from cnnspec.elaborate.special_values import BlockName
from cnnspec.graph.tree import Instance, Network
from cnnspec.text import syntax
from cnnspec.text.files import read_used
from cnnspec.text.source import Source
from cnnspec.values.kinds import Filter, is_number
from cnnspec.values.shapes import Shape
from tests.random.nets import written
from tests.zoo.shipped import LONG, SPECS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow

from tests.backends.interpreter import Interpreter, load  # noqa: E402

SMALL = 12  # pixels a side: enough for every block of the zoo


class Use(NamedTuple):
    """A class, what it is given in one place, and the instance of its block there."""

    cls: Constructed
    instance: Instance


def programs(network: Network, source: str) -> tuple[str, Program]:
    """The emitted text of a net, and what the emitter knows of its classes."""
    made: list[Program] = []

    def watched(*given: Any) -> Program:
        made.append(Program(*given))
        return made[0]

    with mock.patch.object(back_end, "Program", watched):
        return emit("torch", network, source), made[0]


def uses(program: Program) -> Iterator[Use]:
    """One use of every class."""
    seen = set()
    for instances in program.instances.values():
        for instance in instances.values():
            cls = program.constructed[id(instance)]
            if cls.name not in seen:
                seen.add(cls.name)
                yield Use(cls, instance)


def probe(net: Network, use: Use, arguments: dict[str, Any], channels: int) -> Network | None:
    """A net of the block alone, under the same defaults, for these arguments; None where it is refused."""
    block, shape = use.instance.block, use.instance.input.shape
    assert shape is not None
    source = block.name.span.source
    names = [f"{name} = {spelled(value)}" for name, value in net.arguments.items() if is_number(value)]
    defaults = [each.span.text for each in net.net.body.statements if isinstance(each, syntax.Default)]
    sized = re.search(r"\bin\.(height|width|size)\b", source.text)  # a class is for that size alone
    words = " ".join(f"{name}={spelled(value)}" for name, value in arguments.items())
    for size in [[n if sized else min(n, SMALL) for n in shape.size], shape.size] if shape.is_map else [None]:
        given = Shape(channels, *size) if size else Shape(channels)
        text = f"{source.text}\n" + "\n".join(
            ("net Probe {", f"input {given}", *names, *defaults, f"{block.name.name} {words}", "}")
        )
        found = check(Source(source.name, text), read_used, "Probe")
        if found.networks:
            return found.networks[0]
    return None


def spelled(value: Any) -> str:
    """A value as the language writes it as an argument."""
    if isinstance(value, Filter):
        return f"{int(value.count)}@{value.kernel[0]}x{value.kernel[1]}"
    return value.block.name.name if isinstance(value, BlockName) else written(value)


def variations(use: Use) -> Iterator[tuple[dict[str, Any], int]]:
    """Arguments of the block and channels that arrive, each time one of what the class takes changed."""
    arguments, shape = dict(use.instance.arguments), use.instance.input.shape
    assert shape is not None
    channels = int(shape.channels)
    yield arguments, channels
    if any(name.startswith("+") for name in use.cls.parameters.columns):
        return  # a number that the class is told apart from all others: nothing says what it would be
    for name, column in use.cls.parameters.ordered():
        if name == "in.channels":
            yield arguments, 2 * channels
        elif column is None:
            value = arguments[name]
            for changed in (2 * value, value + 1) if isinstance(value, int) else (value,):
                if isinstance(value, Filter):
                    changed = Filter(2 * value.count, value.kernel)
                yield {**arguments, name: changed}, channels
                # a residual block wants as many channels as it makes
                same = getattr(value, "count", value) == channels
                if same and "in.channels" in use.cls.parameters.columns:
                    yield {**arguments, name: changed}, int(getattr(changed, "count", changed))


def given(use: Use, arguments: dict[str, Any], channels: int) -> dict[str, Any]:
    """What the class is told for these arguments."""
    found = {}
    for name, column in use.cls.parameters.ordered():
        value = channels if name == "in.channels" else arguments.get(name)
        if column is not None:
            value = column[use.cls.row]
        if isinstance(value, ClassName):
            value = getattr(torch.nn, value.removeprefix("nn."))
        found[use.cls.parameters.names.parameter(name)] = value.count if isinstance(value, Filter) else value
    return found


LARGE = () if LONG else ("deeplab", "resunet", "siamese")
FILES = sorted(file.stem for file in SPECS.glob("*.cnn") if file.stem not in LARGE)


@pytest.mark.parametrize("file", FILES)
def test_what_a_class_is_told_is_what_its_block_is_told(file: str) -> None:
    path = SPECS / f"{file}.cnn"
    found = check(Source(str(path), path.read_text()), read_used, first=not LONG)
    for network in found.networks:
        text, program = programs(network, path.name)
        module = load(text)
        for use in uses(program):
            tried = 0
            for arguments, channels in variations(use):
                wanted = probe(network, use, arguments, channels)
                if wanted is None:
                    continue
                tried += 1
                hold(getattr(module, use.cls.name)(**given(use, arguments, channels)), wanted, use.cls.name)
            assert tried, use.cls.name


def hold(model: Any, wanted: Network, name: str) -> None:
    """Hold an instance of a class to a net of its block: its tensors, and what it makes of an image."""
    (step,) = wanted.steps
    state = {f"{step.name}.{key}": tensor for key, tensor in model.eval().state_dict().items()}  # type: ignore[union-attr]
    oracle = Interpreter(wanted, state, training=False)
    assert set(state) == oracle.keys, name
    shape = wanted.inputs[0].value.shape
    assert shape is not None
    x = torch.randn(2, *shape.dimensions)
    with torch.no_grad():
        torch.testing.assert_close(model(x), oracle(x)[0], rtol=1e-4, atol=1e-5)
