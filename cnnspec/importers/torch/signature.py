"""What a module's forward takes."""

from __future__ import annotations

import inspect

from torch import nn

from cnnspec.importers.refusals import Refusal, Refused


def names_of_inputs(module: nn.Module, count: int) -> list[str]:
    """The names of so many inputs; one alone needs none. Raises Refused where forward wants others."""
    signature = inspect.signature(module.forward)
    try:
        bound = signature.bind(*range(count))
    except TypeError:
        bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
        plain = signature.replace(parameters=bare, return_annotation=signature.empty)
        given = "1 input is" if count == 1 else f"{count} inputs are"
        called = f"{type(module).__name__}.forward{plain}"
        message = f"`{called}` does not fit, {given} given: each has an `--input SHAPE` of its own"
        raise Refused([Refusal("E1002", message)]) from None
    if count == 1:
        return [""]
    names = {}
    for name, value in bound.arguments.items():
        for place, number in enumerate(value if isinstance(value, tuple) else (value,)):
            names[number] = f"{name}{place}" if isinstance(value, tuple) else name
    return [names[number] for number in range(count)]
