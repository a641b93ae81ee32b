"""cnnspec, called within the process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from cnnspec.commands.cli import main


def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
    """The command line with these arguments; nothing but an exit may end it."""
    result = CliRunner().invoke(main, [*map(str, arguments)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
