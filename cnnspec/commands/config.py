"""Options that a project keeps in a file: `cnnspec.toml`, or `[tool.cnnspec]` in `pyproject.toml`.

The nearest such file counts, looked for in the folder of the first FILE and upwards. What stands on the
command line goes before it. Only what is shown can be kept so: no file of a project makes cnnspec write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from cnnspec.failures import UsageError

OWN, SHARED = "cnnspec.toml", "pyproject.toml"

KEYS = {
    "strict": bool,
    "select": list,
    "ignore": list,
    "format": str,
    "limits": dict,
    "theme": str,
    "view": str,
    "detail": str,
    "direction": str,
    "width": str,
    "show": list,
    "columns": list,
    "depth": int,
    "backend": str,
}
"""What can be kept, each under the name of its option, and of what type."""

LONGEST = 1 << 20
"""Characters of a file that are read."""

ALIASES = {"limits": "limit"}
"""The options that are not called as their key."""

AMBIGUOUS = ("format", "backend")
"""Those that do not mean the same for every command: they stand under the name of one."""

KINDS = {
    bool: "true or false",
    list: "a list of strings",
    str: "a string",
    dict: "a table of integers",
    int: "an integer",
}


class Unusable(UsageError):
    """What is wrong with a configuration, with the file that it is in."""


class ProjectConfig(NamedTuple):
    """A file, and what it says: the keys for all commands, and under the name of a command its own."""

    path: str
    values: Mapping[str, Any]


def defaults(
    context: click.Context,
    command: click.Command,
    name: str,
    arguments: Sequence[str],
    commands: Sequence[str],
) -> dict[str, Any]:
    """What the nearest configuration says of a command's options, by their parameters. Raises Unusable."""
    # {"--format": <Option style>, …}: parameters may be called otherwise than their options.
    flags = {flag: option for option in command.params for flag in option.opts}
    options = {key: flags[flag] for key in KEYS if (flag := f"--{ALIASES.get(key, key)}") in flags}
    if not options or (config := find(start(context, command, arguments))) is None:
        return {}
    # Under another command's name any key will do: its options are known when it is called.
    check(config, {each: [*KEYS] for each in commands} | {name: [*options]})
    # Of {"ignore": ["W06"], "check": {"ignore": []}} `cnnspec check` takes []: it ignores nothing.
    own = config.values.get(name, {})
    return {
        str(options[key].name): as_option(config, key, value, options[key])
        for key, value in {**config.values, **own}.items()
        if key in options
    }


def start(context: click.Context, command: click.Command, arguments: Sequence[str]) -> str:
    """The folder of the first FILE that is there; without one the present folder."""
    own = click.Context(command, parent=context)  # a command keeps the help option of its first context
    try:
        given, _, _ = command.make_parser(own).parse_args(list(arguments))
    except click.UsageError:  # which is told where the call is parsed
        return os.curdir
    # What commands call their first FILE.
    for key in ("files", "file", "spec", "before"):
        first = given.get(key)
        path = first[0] if isinstance(first, tuple) and first else first
        if isinstance(path, str) and os.path.exists(path):
            return path if os.path.isdir(path) else os.path.dirname(path)
    return os.curdir


def find(folder: str) -> ProjectConfig | None:
    """The nearest configuration, in the folder or above. Raises Unusable where it is no TOML."""
    for above in upwards(os.path.abspath(folder)):
        for name in (OWN, SHARED):
            path = os.path.join(above, name)
            values = read(path)
            if values is not None:
                return ProjectConfig(os.path.relpath(path), values)
    return None


def upwards(folder: str) -> Iterator[str]:
    yield folder
    while (above := os.path.dirname(folder)) != folder:
        yield (folder := above)


def read(path: str) -> Mapping[str, Any] | None:
    """What a file says of cnnspec; None where it says nothing, or is not there."""
    if not os.path.isfile(path):  # to open a pipe would wait for a writer
        return None
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LONGEST)
    except (OSError, ValueError):
        return None
    if path.endswith(SHARED) and "cnnspec" not in text:  # most projects': tomllib is not loaded for them
        return None
    import tomllib

    try:
        values: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Unusable(f"{os.path.relpath(path)}: {problem}") from None
    if not path.endswith(SHARED):
        return values  # type: ignore[no-any-return]
    tools = values.get("tool")
    return tools.get("cnnspec") if isinstance(tools, dict) else None


def check(config: ProjectConfig, commands: Mapping[str, Sequence[str]]) -> None:
    """Raise Unusable for a key that is none, and for a value of another kind; `commands` have these keys."""
    if not isinstance(config.values, dict):
        raise Unusable(f"{config.path}: `cnnspec` wants a table")
    for key, value in config.values.items():
        if key not in commands:
            check_value(config, key, value, [*(each for each in KEYS if each not in AMBIGUOUS), *commands])
        elif not isinstance(value, dict):
            raise Unusable(f"{config.path}: `{key}` wants a table, not {value!r}")
        else:
            for inner, each in value.items():
                check_value(config, inner, each, commands[key])


def check_value(config: ProjectConfig, key: str, value: Any, known: Sequence[str]) -> None:
    if key not in known:
        from cnnspec.text.spelling import suggest

        words = suggest(key, known)
        there = f"did you mean `{words[0]}`?" if words else f"there is {', '.join(known)}"
        raise Unusable(f"{config.path}: there is no `{key}`: {there}")
    kind = KEYS[key]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    item = int if kind is dict else str
    # Not isinstance, for `depth = true` would be an int.
    if type(value) is not kind or any(type(each) is not item for each in items):
        raise Unusable(f"{config.path}: `{key}` wants {KINDS[kind]}, not {value!r}")
    if isinstance(value, dict):
        check_bounds(config, value)


def check_bounds(config: ProjectConfig, limits: Mapping[str, int]) -> None:
    """Raise Unusable where a limit is above the default: whoever checks a stranger's folder is to be safe."""
    from cnnspec.elaborate.settings import bounds

    usual = {name: value for each in bounds({}) for name, value in each._asdict().items()}
    for name, number in limits.items():
        if number > usual.get(name, number):
            raise Unusable(
                f"{config.path}: only `--limit {name}={number}` raises a limit above {usual[name]}"
            )


def as_option(config: ProjectConfig, key: str, value: Any, option: click.Parameter) -> Any:
    """A value as the command line would have it. Raises Unusable where the option takes it not."""
    if isinstance(value, dict):
        return tuple(f"{name}={number}" for name, number in value.items())
    # A list is written as its option has it: "W06,W0701".
    given = ",".join(value) if isinstance(value, list) else value
    try:
        option.type.convert(given, option, None)
    except click.BadParameter as problem:
        raise Unusable(f"{config.path}: {key}: {problem.message}") from None
    return (given,) if option.multiple else given
