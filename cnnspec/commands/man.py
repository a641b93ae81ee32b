"""`cnnspec man`: a manual page, made from what each command says of itself."""

from __future__ import annotations

from collections.abc import Iterator

import click

import cnnspec


@click.command()
def man() -> None:
    """Print the manual page, for man to show or to install.

    To read it: cnnspec man | man -l -. To install it: cnnspec man > ~/.local/share/man/man1/cnnspec.1.
    """
    group = click.get_current_context().find_root().command
    root = click.Context(group, info_name="cnnspec", **group.context_settings)
    click.echo("\n".join(page(root)))


def page(root: click.Context) -> Iterator[str]:
    """The lines of the page in the macros of man."""
    group = root.command
    assert isinstance(group, click.Group)
    yield f'.TH CNNSPEC 1 "" "cnnspec {cnnspec.__version__}"'
    yield from (".SH NAME", escape(f"cnnspec - {sentence(group)}"))
    yield from (".SH SYNOPSIS", ".B cnnspec", "COMMAND [OPTIONS] [FILE]...")
    yield ".SH COMMANDS"
    for name in group.list_commands(root):
        command = group.get_command(root, name)
        assert command is not None
        yield from entry(click.Context(command, parent=root, info_name=name))
    yield ".SH EXIT STATUS"
    for code, meaning in EXITS.items():
        yield from (".TP", str(code), escape(meaning))
    yield ".SH FILES"
    yield from (".TP", escape("cnnspec.toml, pyproject.toml"))
    yield escape(
        "Options of a project, the latter's under [tool.cnnspec]; the nearest to FILE, or above, counts."
    )
    yield ".SH ENVIRONMENT"
    for variable, meaning in VARIABLES.items():
        yield from (".TP", escape(variable), escape(meaning))


EXITS = {
    0: "All is fine.",
    1: "The specification is wrong.",
    2: "The call is wrong.",
    70: "cnnspec itself is at fault.",
}
VARIABLES = {
    "NO_COLOR": "Whatever it holds, nothing is coloured.",
    "CNNSPEC_DEBUG": "Whatever it holds, a fault of cnnspec itself is shown with its traceback.",
}


def entry(context: click.Context) -> Iterator[str]:
    """A command with its options; of a group its commands instead."""
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from entry(click.Context(inner, parent=context, info_name=name))
        return
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from (".SS", escape(usage))
    for paragraph in (command.help or "").split("\n\n"):
        yield from (".PP", escape(" ".join(paragraph.split())))
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            yield from (".TP", escape(record[0]), escape(record[1]))


def sentence(command: click.Command) -> str:
    return command.get_short_help_str(200).rstrip(".")


def escape(text: str) -> str:
    """Text as roff takes it: no sign of it is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in text)
    # A line that begins with a dot or a quote is a request of roff; \& is a sign of no width.
    return f"\\&{text}" if text.startswith((".", "'")) else text
