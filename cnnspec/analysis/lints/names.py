"""W0511: names that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnspec import layers
from cnnspec.analysis.lints.lint_context import Finding, LintContext, lint
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit
from cnnspec.text.source import Span

COMMENT = re.compile(r"#[^\n]*")


@lint
def unread_names(context: LintContext) -> Iterator[Finding]:
    """W0511: a parameter, or a value that is given a name, and is not read in what follows.

    It is looked for as a word: where the same word means something else, no warning comes.
    """
    seen: set[Span] = set()
    for visit in context.visits:
        block = visit.uses[-1].instance.block if visit.uses else visit.network.net
        if block.span in seen:
            continue
        seen.add(block.span)
        for parameter in block.parameters:
            if not is_read(parameter.name.name, Span(block.span.source, parameter.span.end, block.span.end)):
                message = f"nothing reads the parameter `{parameter.name.name}`"
                warning = Diagnostic("W0511", message, parameter.span, "it changes nothing")
                yield Finding(warning, visit.uses)
        named = [each for inner in syntax.braces(block.body) for each in syntax.statements(inner)]
        for constant in (each for each in named if isinstance(each, syntax.Constant)):
            if not is_read(constant.name.name, Span(block.span.source, constant.span.end, block.span.end)):
                yield Finding(unread(constant), visit.uses)


def is_read(name: str, span: Span) -> bool:
    """Whether a word stands there, other than before an `=`."""
    # Before an `=` that is no `==` a word is the key of an argument, or given anew.
    return re.search(rf"(?<!\w){name}(?!\w|\s*=(?!=))", COMMENT.sub("", span.text)) is not None


def unread(constant: syntax.Constant) -> Diagnostic:
    """The warning; a layer's name is most likely meant as the layer."""
    name, value = constant.name.name, constant.value.span.text
    layer = layers.find(name)
    if layer is None:
        return Diagnostic("W0511", f"nothing reads `{name}`", constant.span, "a name for a value")
    written = f"{name} {value}" if layer.positional else name
    message = f"`{name} = …` only names a value, which nothing reads: it is no `{name}` layer"
    fix = Fix(f"write `{written}`", (Edit(constant.span, written),))
    return Diagnostic("W0511", message, constant.span, "a name for a value", fixes=(fix,))
