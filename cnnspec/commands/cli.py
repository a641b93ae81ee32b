"""The command line. Exit codes: 0 fine, 1 the specification is wrong, 2 the call is, 70 cnnspec is."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from cnnspec import __version__

COMMANDS = (
    "build",
    "check",
    "diff",
    "draw",
    "explain",
    "fmt",
    "import",
    "run",
    "sizes",
    "summary",
    "verify",
    "weights",
    "zoo",
)


class Commands(click.Group):
    """The modules of `cnnspec.commands` as commands, imported when called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = f"{name}_" if iskeyword(name) else name
        command = getattr(import_module(f"cnnspec.commands.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        from cnnspec.commands.ending import run_to_end

        with run_to_end() as call:
            return super().main(*arguments, obj=call, **options)
        return None  # never: it exits


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cnnspec")
def main() -> None:
    """Describe a convolutional network in a .cnn file; check it, build it, draw it."""
