"""The options that several commands have: those that choose a net of a file and change it, and a few more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from cnnspec.failures import UsageError

if TYPE_CHECKING:
    from cnnspec.elaborate.settings import Settings


def with_kept(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """The bounds of the configuration, then those of the call, of which the last counts."""
    # A default stands in place of what is given, so the bounds of both are put together by hand.
    return (*(context.lookup_default(str(option.name)) or ()), *given)


limit = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=N",
    callback=with_kept,
    help="Another bound, as a message names it.",
)


output = click.option(
    "-o", "--output", metavar="OUT", help="Where to write; standard output without it, or for `-`."
)
force = click.option("--force", is_flag=True, help="Overwrite a file that cnnspec did not write.")


def style(*formats: str, words: str) -> Callable[[Any], Any]:
    """The option of the format of an answer, one of these, the first if not given."""
    return click.option("--format", "style", type=click.Choice(formats), default=formats[0], help=words)


class NetChoice(NamedTuple):
    """The net of a file that a call is about, and what it changes of it: the options as they were written."""

    net: str | None
    settings: tuple[str, ...]
    inputs: tuple[str, ...]
    limits: tuple[str, ...]

    def as_settings(self) -> Settings:
        """The choice as the checker takes it. Raises UsageError."""
        from cnnspec.elaborate.settings import Settings, bounds, parse_shape, parse_value

        option, parameters, inputs = "", {}, {}
        try:
            for text in self.settings:
                name, equals, value = text.partition("=")
                if not equals or not name.strip().isidentifier():
                    raise UsageError(f"--set wants NAME=VALUE, not {text!r}")
                option = f"--set {name.strip()}"
                parameters[name.strip()] = parse_value(value)
            option = "--input"
            for text in self.inputs:
                # Of the only input the label may be left out: `3@32x32`.
                name, _, shape = text.rpartition("=")
                inputs[name.strip()] = parse_shape(shape)
        except ValueError as problem:
            raise UsageError(f"{option}: {problem}") from None
        return Settings(parameters, inputs, *bounds(limits_of(self.limits)))


def takes_choice(command: Any) -> Any:
    """Add the options that choose a net and change it; the command is handed them as its `choice`."""

    @wraps(command)
    def hand_choice(*given: Any, **named: Any) -> Any:
        choice = NetChoice(**{name: named.pop(name) for name in NetChoice._fields})
        return command(*given, choice=choice, **named)

    for option in (
        click.option(
            "--input", "inputs", multiple=True, metavar="[NAME=]SHAPE", help="Another input: 3@320x320."
        ),
        click.option(
            "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the net."
        ),
        click.option("--net", metavar="NAME", help="The net to take, if not the first."),
        limit,
    ):
        hand_choice = option(hand_choice)
    return hand_choice


def is_given(context: click.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def limits_of(texts: Iterable[str]) -> dict[str, int]:
    """Bounds by their names. Raises UsageError."""
    from cnnspec.elaborate.settings import bounds

    limits = {}
    for text in texts:
        name, _, number = text.partition("=")
        # No bound is so high; and beyond 4,300 digits `int` raises a ValueError of its own.
        if not number.isdecimal() or len(number) > 15:
            raise UsageError(f"--limit wants NAME=N, not {text!r}")
        limits[name] = int(number)
    try:
        bounds(limits)
    except ValueError as problem:
        raise UsageError(f"--limit: {problem}") from None
    return limits
