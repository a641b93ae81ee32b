"""Where a net does not fit its data: what is wrong, and options that were tried before they are named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnspec.commands.common import fail, needs
from cnnspec.commands.options import NetChoice
from cnnspec.text.files import read_used


def other_classes(network: Any, choice: NetChoice, classes: int) -> str:
    """The parameter that gives the net so many classes, if one does."""
    for name, value in network.arguments.items():
        # Not isinstance: a flag is no number of classes, and True is an int.
        if type(value) is int:
            changed = choice._replace(settings=(*choice.settings, f"{name}={classes}"))
            if channels(network, changed) == classes:
                return f": --set {name}={classes}"
    return ""


def other_input(network: Any, choice: NetChoice, found: Any) -> str:
    """The input that takes images of so many channels, if the net stands that."""
    shape = network.inputs[0].value.shape.with_channels(found.channels)
    return f": --input {shape}" if channels(network, choice._replace(inputs=(str(shape),))) else ""


def channels(network: Any, choice: NetChoice) -> int:
    """The channels of the net's output under other settings; 0 where it has faults, or more outputs."""
    from cnnspec.compiler import check

    found = check(network.net.span.source, read_used, network.name, choice.as_settings())
    values = [output.value for each in found.networks for output in each.outputs if not output.train]
    shapes = [value.shape for value in values if value.shape is not None]
    return int(shapes[0].channels) if found.ok and len(shapes) == 1 else 0


@contextmanager
def explain_misfits(network: Any, choice: NetChoice, without_torch: str = "") -> Iterator[None]:
    """Where a net's data does not fit it, name the way out, if there is one."""
    with needs("train", without_torch):
        from cnnspec.run.programs import report_memory
        from cnnspec.train.data.dataset import OtherClasses
        from cnnspec.train.data.images import OtherChannels
        from cnnspec.train.training_run import Finished

        try:
            with report_memory(network.name):
                yield
        except OtherClasses as problem:
            fail(f"{problem}{other_classes(network, choice, problem.classes)}")
        except OtherChannels as problem:
            fail(f"{problem}{other_input(network, choice, problem.shape)}")
        except Finished as problem:
            fail(f"{problem}: --epochs asks for more")
