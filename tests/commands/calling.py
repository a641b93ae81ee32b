"""cnnspec, called within the process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from cnnspec.commands.cli import main


def run(*arguments: str) -> Result:
    """The command line with these arguments; nothing but an exit may end it."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
