"""Changes that are offered: fixes, the one layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnnspec.live.answers.fixes import make_safe_fixes, silence, with_fixes
from cnnspec.live.lsp.convert import Json, place_in
from cnnspec.live.lsp.server import LanguageServer
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.edits import changed_lines
from cnnspec.text.formatter import layout

AUTOMATIC = 2
"""CodeActionTriggerKind of the protocol: not the user asks, the editor does."""

FIX_ALL = "source.fixAll.cnnspec"


def code_action(server: LanguageServer, params: Json) -> list[Json]:
    """The fixes of the faults in a range, each tried before it is offered, and all safe ones of the text.

    Editors ask at every move of the cursor: where no fault is in the range, none is looked for.
    """
    document = server.document(params)
    check, source = document.check, document.source
    if check is None:
        return []
    context = params.get("context", {})
    only, asked = context.get("only"), context.get("triggerKind") != AUTOMATIC
    wants = server.select(document.name).wants
    start, end = (server.offset(document, params["range"][side]) for side in ("start", "end"))

    def here(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        found = place_in(filter(wants, diagnostics), source, check.module.tree)
        return [each for each in found if each.span.start <= end and start <= each.span.end]

    actions: list[Json] = []
    # To seek fixes takes time; whether a fault is here is known without.
    if wanted("quickfix", only) and here(document.diagnostics):
        for diagnostic in here(with_fixes(check, server.pause_for_change)):
            actions += quick_fixes(server, diagnostic)
    # Not at a mere move of the cursor: to find all safe fixes is to check the text many times.
    if wanted(FIX_ALL, only) and (only or asked):
        edits = changed_lines(source, make_safe_fixes(check, wants, server.pause_for_change))
        edit = server.encode.workspace_edit(edits)
        actions += [{"title": "Make all safe fixes", "kind": FIX_ALL, "edit": edit}] if edits else []
    return actions


def quick_fixes(server: LanguageServer, diagnostic: Diagnostic) -> Iterator[Json]:
    """The fixes of one fault, the likeliest first; behind them the comment that silences it."""
    fixes = [fix for fix in diagnostic.fixes if fix.edits]
    comment = silence(diagnostic)
    for fix in [*fixes, comment] if comment is not None else fixes:
        yield {
            "title": title(fix.title),
            "kind": "quickfix",
            "diagnostics": [server.encode.diagnostic(diagnostic)],
            "isPreferred": fix.safe or fixes == [fix],
            "edit": server.encode.workspace_edit(fix.edits),
        }


def wanted(kind: str, only: list[str] | None) -> bool:
    """Whether a kind of actions, or one that it is part of, is asked for."""
    return not only or any(kind == each or kind.startswith(f"{each}.") for each in only)


def title(words: str) -> str:
    """A fix's title without the marks of code, which editors would show as they are."""
    return words.replace("`", "").removesuffix("?")


def formatting(server: LanguageServer, params: Json) -> list[Json]:
    """The one layout, by lines, so that cursors and folds stay; nothing where faults of syntax are."""
    document = server.document(params)
    text, _ = layout(document.source) if document.fault is None else (None, [])
    if text is None or text == document.source.text:
        return []
    return server.encode.edits(changed_lines(document.source, text))
