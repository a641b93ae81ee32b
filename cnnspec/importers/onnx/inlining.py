"""Functions of an ONNX file: written out where they are called, their nodes in the modules of the call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from onnx import FunctionProto, ModelProto, helper, inliner

from cnnspec.backends.onnx.messages import CLASSES, DOMAIN, SCOPES

Key = tuple[str, str]

DEEPEST = 50
LONGEST = 2000
"""Characters of what is noted with a node: a few hundred modules deep is no network's."""


class Endless(Exception):
    """A function calls itself, or calls nest too deep; its text is the function's name."""


def growth(model: ModelProto) -> int:
    """How many nodes a model comes to without functions. Raises Endless."""
    # Counted, not written out: of 40 functions each of which calls the next one twice, there would be 2^40.
    bodies = {(each.domain, each.name): each.node for each in model.functions}
    sizes: dict[Key, int] = {}

    def size(key: Key, around: tuple[Key, ...]) -> int:
        if key not in bodies:
            return 1
        if key in around or len(around) > DEEPEST:
            raise Endless(key[1])
        if key not in sizes:
            calls = ((node.domain, node.op_type) for node in bodies[key])
            sizes[key] = sum(size(call, (*around, key)) for call in calls)
        return sizes[key]

    return sum(size((node.domain, node.op_type), ()) for node in model.graph.node)


def inlined(model: ModelProto) -> ModelProto:
    """The model without functions. Raises what onnx does where they do not fit."""
    return inliner.inline_local_functions(CallFunctions(model).model)


class CallFunctions:
    """A model in which each call has a function of its own, whose nodes note the modules of the call.

    The function of a block notes paths within the block.
    """

    def __init__(self, model: ModelProto) -> None:
        self.bodies = {(each.domain, each.name): each for each in model.functions}
        self.made: list[FunctionProto] = []
        self.model = ModelProto()
        self.model.CopyFrom(model)
        for node in self.model.graph.node:
            self.call(node)
        del self.model.functions[:]
        self.model.functions.extend(self.made)

    def call(self, node: Any) -> None:
        """Give a call its own function, and the calls in that theirs."""
        body = self.bodies.get((node.domain, node.op_type))
        if body is None:
            return
        own = FunctionProto()
        own.CopyFrom(body)
        own.name = node.op_type = f"{body.name}_{len(self.made)}"
        self.made.append(own)
        paths, kinds = noted(node)
        # Lists that differ in length are cut off at LONGEST, or none of an exporter's.
        for inner in own.node if paths and len(paths) == len(kinds) else ():
            # Only our own functions note paths within the block, first its own, which is "" there:
            # ["", "conv1"] in a call of ["", "layer1"] is ["", "layer1", "layer1.conv1"].
            within, classes = noted(inner) if body.domain == DOMAIN else ([], [])
            inside = [f"{paths[-1]}.{path}" for path in within[1:]]
            note(inner, [*paths, *inside], [*kinds, *classes[1:]])
        # Only now, for a call in here reads what has just been noted with it.
        for inner in own.node:
            self.call(inner)


def noted(node: Any) -> tuple[list[str], list[str]]:
    """The paths of the modules around a node, and their classes, as it notes them."""
    given = {each.key: each.value for each in node.metadata_props}
    return listed(given.get(SCOPES, "")), listed(given.get(CLASSES, ""))


def note(node: Any, paths: Sequence[str], kinds: Sequence[str]) -> None:
    del node.metadata_props[:]
    helper.set_metadata_props(node, {SCOPES: repr(paths), CLASSES: repr(kinds)})


def listed(text: str) -> list[str]:
    """The strings of a list as Python writes it."""
    # "['', 'layer1', 'layer1.0']" -> ["", "layer1", "layer1.0"]; a file's text is nothing to evaluate.
    return re.findall(r"'([^']*)'", text[:LONGEST])
