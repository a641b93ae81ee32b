"""The command line. Exit codes: 0 fine, 1 the specification is wrong, 2 the call is, 70 cnnspec is."""

from __future__ import annotations

import builtins
import os
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from cnnspec import __version__

COMMANDS = (
    "build",
    "check",
    "completion",
    "diff",
    "draw",
    "eval",
    "explain",
    "fmt",
    "import",
    "lsp",
    "man",
    "report",
    "run",
    "serve",
    "site",
    "sizes",
    "summary",
    "train",
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
        # `import` is a keyword, `eval` a function of Python: import_.py and eval_.py.
        module = f"{name}_" if iskeyword(name) or hasattr(builtins, name) else name
        command = getattr(import_module(f"cnnspec.commands.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = arguments[0]
        if context.resilient_parsing:  # a shell asks what could stand here
            return super().resolve_command(context, arguments)
        if word not in COMMANDS and not word.startswith("-"):
            context.fail(f"there is no command {word!r}: {meant(word)}")
        name, command, rest = super().resolve_command(context, arguments)
        if name is not None and command is not None:
            from cnnspec.commands.config import defaults

            context.default_map = {name: defaults(context, command, name, rest, COMMANDS)}
        return name, command, rest

    def main(self, *arguments: Any, **options: Any) -> Any:
        from cnnspec.commands.ending import run_to_end

        if "_CNNSPEC_COMPLETE" in os.environ:
            from cnnspec.commands.completion import register

            register()
        with run_to_end() as job:
            return super().main(*arguments, obj=job, **options)
        return None  # never: it exits


def meant(word: str) -> str:
    """What may have been meant by a word where a command is wanted."""
    if word.endswith(".cnn"):
        return f"did you mean `cnnspec check {word}`?"
    from cnnspec.text.spelling import suggest

    words = " or ".join(f"`{name}`" for name in suggest(word, COMMANDS))
    return f"did you mean {words}?" if words else f"there is {', '.join(COMMANDS)}"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cnnspec")
def main() -> None:
    """Describe a convolutional network in a .cnn file; check it, build it, draw it."""
