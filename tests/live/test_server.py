"""The language server as a client sees it, over standard input and output."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.live.client import ROOT, Client, connected

pytestmark = pytest.mark.slow

SPECS = ROOT / "specs"
HINTS = types.WorkspaceClientCapabilities(
    inlay_hint=types.InlayHintWorkspaceClientCapabilities(refresh_support=True),
    did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
)
EVERYWHERE = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connected(SPECS, capabilities=types.ClientCapabilities(workspace=HINTS)) as client:
        yield client


_numbers = iter(range(1000))


def opened(client: Client, text: str) -> str:
    """The URI of a new text."""
    uri = f"file:///nowhere/{next(_numbers)}.cnn"
    client.open(uri, text)
    return uri


def hints(client: Client, uri: str) -> dict[int, str]:
    found = client.ask_of("textDocument/inlayHint", uri, range=EVERYWHERE)
    return {hint.position.line: hint.label for hint in found or ()}


FAULTY = "net A {\n    input 1@28x28\n    conv 6@5x5, relu\n    flatten\n    linear 10 in=784\n}\n"


def test_a_fault_comes_with_code_page_and_related_places(client: Client) -> None:
    uri = opened(client, FAULTY)
    (fault,) = client.diagnostics(uri)
    assert (fault.code, fault.source, fault.severity) == ("E0410", "cnnspec", types.DiagnosticSeverity.Error)
    assert fault.range == types.Range(types.Position(4, 14), types.Position(4, 20))
    assert fault.code_description is not None
    page = Path(fault.code_description.href.removeprefix("file://"))
    assert page.read_text("utf-8").startswith("# E0410")
    related = [(each.message, each.location.range.start.line) for each in fault.related_information or ()]
    assert related == [("sizes follow from here", 1), ("6@24x24 = 3456", 3)]
    client.change(uri, (4, 13, 4, 20, ""))
    assert not client.diagnostics(uri)


def test_columns_are_those_of_utf_16(client: Client) -> None:
    uri = opened(
        client,
        "# \U0001f600\U0001f600 é\nnet A {\n    input 1@8x8, relu # \U0001f600\n    # \U0001f600, rleu\n}\n",
    )
    assert not client.diagnostics(uri)
    client.change(uri, (3, 4, 3, 8, ""), (2, 26, 2, 26, "\n    "))  # behind a sign of two units
    (fault,) = client.diagnostics(uri)
    assert fault.range.start == types.Position(4, 4) and fault.code in ("E0101", "E0102")
    client.change(uri, (4, 4, 4, 8, "rleu # \U0001f600"))
    (fault,) = client.diagnostics(uri)
    assert fault.range == types.Range(types.Position(4, 4), types.Position(4, 8))


def test_windows_newlines_are_newlines(client: Client) -> None:
    uri = opened(client, "net A {\r\n    input 1@8x8\r\n    rleu\r\n}\r\n")
    (fault,) = client.diagnostics(uri)
    assert fault.range == types.Range(types.Position(2, 4), types.Position(2, 8))
    client.change(uri, (2, 4, 2, 8, "relu"), (1, 15, 1, 15, "\r\n    maxpool 2x2"))
    assert not client.diagnostics(uri)
    assert hints(client, uri) == {2: "1@4x4", 3: "1@4x4"}


def test_hints_tell_sizes_and_write_claims(client: Client) -> None:
    uri = opened(client, FAULTY.replace(" in=784", ""))
    assert hints(client, uri) == {2: "6@24x24", 3: "3456", 4: "10"}
    hint = client.ask_of("textDocument/inlayHint", uri, range=EVERYWHERE)[0]
    (edit,) = hint.text_edits
    client.change(uri, (*at(edit.range.start), *at(edit.range.end), edit.new_text))
    assert not client.diagnostics(uri)
    assert hints(client, uri) == {3: "3456", 4: "10"}
    client.change(uri, (2, 4, 2, 4, "? "))
    assert client.diagnostics(uri)
    assert hints(client, uri) == {3: "(3456)", 4: "(10)"}


def test_parameters_stand_beside_sizes_where_they_are_wanted() -> None:
    with connected(options={"hints": {"parameters": True}}) as client:
        uri = opened(client, FAULTY.replace(" in=784", ""))
        assert hints(client, uri) == {2: "6@24x24 · 156", 3: "3456", 4: "10 · 34,570"}
        settings = types.DidChangeConfigurationParams({"cnnspec": {"hints": {"parameters": False}}})
        client.notify("workspace/didChangeConfiguration", settings)
        assert hints(client, uri) == {2: "6@24x24", 3: "3456", 4: "10"}


def at(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def test_each_net_has_its_figures_and_may_be_put_in_view(client: Client) -> None:
    uri = (SPECS / "resnet.cnn").as_uri()
    text = (SPECS / "resnet.cnn").read_text("utf-8")
    client.open(uri, text)
    assert not client.diagnostics(uri)
    assert hints(client, uri)[line_of(text, "globalavgpool") - 1] == "2048@7x7"
    client.ask("workspace/executeCommand", {"command": "cnnspec.view", "arguments": [uri, "ResNet18"]})
    assert hints(client, uri)[line_of(text, "globalavgpool") - 1] == "512@7x7"
    lenses = client.ask_of("textDocument/codeLens", uri)
    titles = {lens.range.start.line: lens.command.title for lens in lenses}
    assert (
        titles[line_of(text, "net ResNet18")]
        == "● 3@224x224 -> 1000, 11,689,512 parameters, 1,814,073,344 MACs"
    )
    assert titles[line_of(text, "net ResNet50")].startswith("○")
    assert "hints" in client.asked and "workspace/didChangeWatchedFiles" in client.asked


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n")


def test_folders_come_and_go(client: Client, tmp_path: Path) -> None:
    (tmp_path / "z.cnn").write_text("net Zebra {\n    input 1@8x8\n    relu\n}\n")
    folder = types.WorkspaceFolder(tmp_path.as_uri(), "more")

    def found() -> list[str]:
        return [each.name for each in client.ask("workspace/symbol", {"query": "zebr"})]

    def change(added: list[types.WorkspaceFolder], removed: list[types.WorkspaceFolder]) -> None:
        event = types.WorkspaceFoldersChangeEvent(added, removed)
        client.notify("workspace/didChangeWorkspaceFolders", types.DidChangeWorkspaceFoldersParams(event))

    assert found() == []
    change([folder], [])
    assert found() == ["Zebra"]
    (tmp_path / "z.cnn").write_text("net Zebroid { input 1@8x8, relu }\n")
    assert found() == ["Zebroid"]
    change([], [folder])
    assert found() == []


def test_warnings_are_those_that_the_project_wants(client: Client, tmp_path: Path) -> None:
    text = "net A {\n    input 1@8x8\n    conv 4@3x3, batchnorm, relu, relu\n}\n"
    (tmp_path / "cnnspec.toml").write_text('ignore = ["W06"]\n')
    uri, elsewhere = (tmp_path / "a.cnn").as_uri(), opened(client, text)
    client.open(uri, text)
    assert {fault.code for fault in client.diagnostics(elsewhere)} == {"W0502", "W0601"}
    assert {fault.code for fault in client.diagnostics(uri)} == {"W0502"}
    actions = client.ask_of("textDocument/codeAction", uri, range=EVERYWHERE, context={"diagnostics": []})
    assert {action.diagnostics[0].code for action in actions if action.diagnostics} <= {"W0502"}
    (tmp_path / "cnnspec.toml").write_text("ignore = 3\n")
    client.change(uri, (0, 0, 0, 0, "\n"))
    assert {fault.code for fault in client.diagnostics(uri)} == {"W0502", "W0601"}


def test_a_change_of_a_used_file_is_seen(client: Client, tmp_path: Path) -> None:
    (tmp_path / "b.cnn").write_text("block B {\n    conv 4@3x3\n}\n")
    user, blocks = (tmp_path / "a.cnn").as_uri(), (tmp_path / "b.cnn").as_uri()
    client.open(user, 'use "b.cnn"\nnet A {\n    input 1@9x9\n    B\n}\n')
    assert not client.diagnostics(user)
    client.open(blocks, "block B {\n    conv 4@11x11\n}\n")
    assert hints(client, user) == {3: "(4@7x7)"}
    (fault,) = client.told[user][-1].diagnostics
    assert fault.code == "E0401" and fault.range.start.line == 3
    assert fault.related_information[0].location.uri == blocks
    assert client.told[blocks][-1].diagnostics[0].code == "E0401"
    client.notify(
        "textDocument/didClose",
        types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(blocks)),
    )
    assert hints(client, user) == {3: "4@7x7"}
    (tmp_path / "b.cnn").write_text("block B {\n    conv 8@3x3\n}\n")
    event = types.FileEvent(blocks, types.FileChangeType.Changed)
    client.notify("workspace/didChangeWatchedFiles", types.DidChangeWatchedFilesParams([event]))
    assert hints(client, user) == {3: "8@7x7"}


CODE = """\
block Unit(w) {
    conv w@3x3 pad=1, batchnorm, relu
}
net A(width=8) {
    input 3@8x8
    body: Unit width
    conv 4@3x3 bias=no, batchnorm, relu
    from body
}
"""


def test_every_request_about_a_place_is_answered(client: Client) -> None:
    uri = opened(client, CODE)
    hover = client.ask_at("textDocument/hover", uri, 1, 5)
    assert "(8 + 2*1 - 3)//1 + 1 = 8" in hover.contents.value
    assert hover.range == types.Range(types.Position(1, 4), types.Position(1, 8))
    offered = client.ask_at("textDocument/completion", uri, 1, 15)
    assert {"stride=", "w"} <= {item.label for item in offered.items}
    shown = client.ask_at("textDocument/signatureHelp", uri, 1, 19)
    (start, end) = shown.signatures[0].parameters[shown.active_parameter].label
    assert shown.signatures[0].label[start:end].startswith("pad=")
    place = client.ask_at("textDocument/definition", uri, 5, 11)
    assert place.range == types.Range(types.Position(0, 6), types.Position(0, 10))
    found = client.ask_at("textDocument/references", uri, 0, 7, context={"includeDeclaration": True})
    assert [each.range.start.line for each in found] == [0, 5]
    lit = client.ask_at("textDocument/documentHighlight", uri, 5, 5)
    assert [each.range.start.line for each in lit] == [5, 7]
    assert client.ask_at("textDocument/prepareRename", uri, 1, 5) is None
    assert client.ask_at("textDocument/prepareRename", uri, 1, 9).placeholder == "w"
    edit = client.ask_at("textDocument/rename", uri, 0, 11, newName="wide")
    assert [each.new_text for each in edit.changes[uri]] == ["wide", "wide"]
    with pytest.raises(JsonRpcException, match="is a layer"):
        client.ask_at("textDocument/rename", uri, 0, 7, newName="conv")


def test_what_is_offered_takes_the_place_of_what_is_typed(client: Client) -> None:
    uri = opened(client, 'use "blocks/re"\nnet A {\n    input 1@8x8\n    conv 4@3x3 pad="sa\n    max\n}\n')
    places = ((0, 14, "blocks/residual.cnn", 5), (3, 22, "same", 20), (4, 7, "maxpool", 4))
    for line, column, label, start in places:
        items = client.ask_at("textDocument/completion", uri, line, column).items
        (edit,) = [item.text_edit for item in items if item.label == label]
        assert edit.range == types.Range(types.Position(line, start), types.Position(line, column))
        assert edit.new_text == label


def test_every_request_about_a_text_is_answered(client: Client) -> None:
    uri = opened(client, CODE)
    names = [(each.name, each.detail) for each in client.ask_of("textDocument/documentSymbol", uri)]
    assert names == [("Unit", "(w)"), ("A", "(width=8)")]
    folds = client.ask_of("textDocument/foldingRange", uri)
    assert [(each.start_line, each.end_line) for each in folds] == [(0, 1), (3, 7)]
    symbols = client.ask("workspace/symbol", {"query": "rsnt18"})
    assert [each.name for each in symbols] == ["ResNet18"]
    untidy = opened(client, "net  A{\n  input 1@8x8\n\n\n\n    relu\n}\n")
    edits = client.ask_of("textDocument/formatting", untidy, options={"tabSize": 4, "insertSpaces": True})
    for edit in sorted(edits, key=lambda edit: at(edit.range.start), reverse=True):
        client.change(untidy, (*at(edit.range.start), *at(edit.range.end), edit.new_text))
    assert not client.ask_of("textDocument/formatting", untidy, options={"tabSize": 4, "insertSpaces": True})
    assert edits and hints(client, untidy) == {3: "1@8x8"}


def test_words_are_what_they_mean(client: Client) -> None:
    uri = opened(
        client, "net A(width=8) {\n    input 3@8x8 # \U0001f600\n    body: conv width@3x3\n    from body\n}\n"
    )
    legend = client.initialized.capabilities.semantic_tokens_provider.legend.token_types
    data = client.ask_of("textDocument/semanticTokens/full", uri).data
    line = column = 0
    found = []
    for number in range(0, len(data), 5):
        down, across, length, kind, _ = data[number : number + 5]
        line, column = line + down, across if down else column + across
        found.append((line, column, length, legend[kind]))
    assert (0, 6, 5, "parameter") in found and (2, 15, 5, "parameter") in found
    assert (1, 16, 4, "comment") in found  # the last of its signs takes two units
    assert (2, 4, 4, "label") in found and (3, 9, 4, "label") in found
    assert (2, 10, 4, "function") in found


def test_fixes_are_offered_at_their_fault_and_the_safe_ones_together(client: Client) -> None:
    uri = opened(client, CODE.replace("batchnorm, relu\n}", "batchnrom, relu # allow W0502\n}"))
    actions = client.ask_of(
        "textDocument/codeAction", uri, range=EVERYWHERE, context={"diagnostics": [], "only": ["quickfix"]}
    )
    by_title = {action.title: action for action in actions}
    action = by_title["did you mean batchnorm"]
    (edit,) = action.edit.changes[uri]
    assert (edit.range.start, edit.new_text) == (types.Position(1, 22), "batchnorm")
    assert action.diagnostics[0].code == "E0201" and action.is_preferred
    client.change(uri, (1, 22, 1, 31, "batchnorm"))
    actions = client.ask_of(
        "textDocument/codeAction",
        uri,
        range=EVERYWHERE,
        context={"diagnostics": [], "only": ["source.fixAll"]},
    )
    (action,) = actions
    assert action.kind == "source.fixAll.cnnspec"
    (edit,) = action.edit.changes[uri]
    assert edit.new_text == "    conv w@3x3 pad=1, batchnorm, relu\n"  # the comment silences nothing


def speak(*messages: bytes) -> tuple[bytes, int]:
    """What the server says to messages as they are, and its exit code."""
    sent = b"".join(b"Content-Length: %d\r\n\r\n" % len(each) + each for each in messages)
    ran = subprocess.run(
        [sys.executable, "-m", "cnnspec", "lsp"], input=sent, capture_output=True, cwd=ROOT, timeout=60
    )
    assert ran.stderr == b""
    return ran.stdout, ran.returncode


INITIALIZE = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
SHUTDOWN = b'{"jsonrpc":"2.0","id":9,"method":"shutdown"}'
EXIT = b'{"jsonrpc":"2.0","method":"exit"}'


def test_it_lives_through_what_is_no_message() -> None:
    hostile = [
        b"{",
        b"[]",
        b"null",
        b'{"id":2,"method":"textDocument/hover"}',
        b'{"id":3,"method":"textDocument/inlayHint","params":{"textDocument":{"uri":7}}}',
        b'{"id":4,"method":"textDocument/inlayHint","params":[1]}',
        b'{"method":"textDocument/didChange","params":{}}',
        b'{"method":"textDocument/didOpen","params":{"textDocument":{"uri":"x","text":null}}}',
        b'{"id":5,"method":"no/such","params":null}',
        b'{"method":"$/cancelRequest","params":{"id":[1]}}',
        b'{"id":[2],"method":"textDocument/hover"}',
        b'{"id":{},"method":"shutdown"}',
        b'{"method":["textDocument/didChange"]}',
        b'{"method":"textDocument/didOpen","params":7}',
        b'{"id":1e400,"method":"no/such"}',
        b'{"method":"initialized","params":[]}',
        b"[" * 100_000,
        b'{"id":6,"method":"initialize","params":NaN}',
    ]
    said, code = speak(INITIALIZE, *hostile, SHUTDOWN, EXIT)
    assert code == 0
    assert b'"id":9,"result":null' in said
    for number in (2, 3, 4, 5):
        assert b'"id":%d,"error"' % number in said


def test_it_ends_with_its_client() -> None:
    assert speak(INITIALIZE)[1] == 1  # without `shutdown`
    assert speak(SHUTDOWN, EXIT)[1] == 1
    assert b"-32002" in speak(SHUTDOWN, EXIT)[0]


def test_a_request_that_was_taken_back_is_not_answered() -> None:
    asked = b'{"jsonrpc":"2.0","id":7,"method":"textDocument/inlayHint","params":{}}'
    taken_back = b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}'
    said, _ = speak(INITIALIZE, asked, taken_back, SHUTDOWN, EXIT)
    assert b'"id":7,"error":{"code":-3' in said
