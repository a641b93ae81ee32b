"""`cnnspec completion`: what a shell sources to complete words, and what it then asks for."""

from __future__ import annotations

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

VARIABLE = "_CNNSPEC_COMPLETE"
"""The shell sets it where it asks for words."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes commands, options and names in a shell.

    For bash, in ~/.bashrc: eval "$(cnnspec completion bash)". For zsh the same in ~/.zshrc with zsh. For
    fish: cnnspec completion fish > ~/.config/fish/completions/cnnspec.fish.
    """
    register()
    found = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    assert found is not None
    click.echo(found(root, {}, "cnnspec", VARIABLE).source())


class NameCompletion(ShellComplete):
    """Where a word is no option and has no values of its own, it is a file, or a name that is known."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        found = super().get_completions(args, incomplete)
        if found or not args or incomplete.startswith("-"):
            return found
        known = [CompletionItem(name) for name in names(args[0]) if name.startswith(incomplete)]
        return known if args[0] in ("explain", "zoo") else [CompletionItem(incomplete, type="file"), *known]


def register() -> None:
    """Let click answer shells so."""
    for shell in (BashComplete, ZshComplete, FishComplete):
        # NameCompletion first: what it asks of super() is the shell's own.
        add_completion_class(type(shell.__name__, (NameCompletion, shell), {}))


def names(command: str) -> list[str]:
    """The words that a command knows beside files: codes, layers, and the networks that ship."""
    from cnnspec.text import shipped

    if command == "zoo":
        return shipped.names()
    nets = [net for file in shipped.names() for net in (*shipped.named_nets(file), file)]
    if command != "explain":
        return nets
    from cnnspec import layers
    from cnnspec.faults import explain

    return [*explain.codes(), *layers.NAMES, *nets]
