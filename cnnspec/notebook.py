"""The cell magic `%%cnn`, after `%load_ext cnnspec`: a cell of a notebook that holds a specification.

    %%cnn classes=7 input=1@32x32
    net Tiny(classes=10) { input 1@28x28, conv 4@3x3, relu, globalavgpool, flatten, linear classes }

checks it, shows the first net, and binds each to its name, `Tiny`. Behind `%%cnn` stand a net to take alone,
parameters, and an input.
"""

from __future__ import annotations

import shlex
from typing import Any

from cnnspec.api import settings_of, source_of
from cnnspec.elaborate.settings import Settings
from cnnspec.net import Net, nets_of
from cnnspec.text.files import read_used


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython for `%load_ext cnnspec`."""

    def cnn(line: str, cell: str) -> Net:
        """Check the specification in this cell, bind its nets to their names, show the first."""
        net, settings = parse_line(line)
        nets = nets_of(source_of(cell, "cell.cnn", settings), read_used, net, settings, first=False)
        shell.push({each.name: each for each in nets})
        return nets[0]

    shell.register_magic_function(cnn, "cell")


def parse_line(line: str) -> tuple[str | None, Settings]:
    """`ResNet18 classes=7 input=3@64x64`: a net, parameters, inputs. Raises ValueError."""
    words = [word.partition("=") for word in shlex.split(line)]
    names = [name for name, equals, _ in words if not equals]
    if len(names) > 1:
        raise ValueError(f"%%cnn takes one net, not {' and '.join(names)}; parameters are NAME=VALUE")
    given = {name: value for name, equals, value in words if equals}
    inputs = {"": given.pop("input")} if "input" in given else {}
    return next(iter(names), None), settings_of(given, inputs)
