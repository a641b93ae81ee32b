"""The five report formats, from diagnostics made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec.faults import reports
from cnnspec.faults.reports.glyphs import visible, width
from cnnspec.text.diagnostics import Diagnostic, Fix, Note
from cnnspec.text.edits import Edit
from cnnspec.text.source import Source, Span

LENET = """net LeNet {
    input 1@28x28
    conv 6@5x5
    tanh
    avgpool 2x2
    conv 16@5x5
    tanh, avgpool 2x2
    flatten
    linear 120 in=400
}
"""

EXAMPLE = """\
error[E0410]: `linear` takes 400 features but 256 arrive
  --> lenet.cnn:9:16
 2 |     input 1@28x28
   |     ------------- sizes follow from here
 8 |     flatten
   |     ------- 16@4x4 = 256
 9 |     linear 120 in=400
   |                ^^^^^^ 400 = 16*5*5 would need a 5x5 map
   = note: height: input 28, conv 24, avgpool 12, conv 8, avgpool 4
help: drop `in=400`: 256 is inferred
help: `pad=2` on the first conv gives 28 28 14 10 5
help: or an input from 32x32 to 35x35
   = see: cnnspec explain E0410
"""


def spot(source: Source, text: str, after: str = "") -> Span:
    start = source.text.index(text, source.text.index(after))
    return Span(source, start, start + len(text))


def fault(span: Span, *notes: Note, label: str = "here", fixes: tuple[Fix, ...] = ()) -> Diagnostic:
    return Diagnostic("E0410", "it is wrong", span, label, notes, fixes)


def lenet() -> Diagnostic:
    source = Source("lenet.cnn", LENET)
    kernel = spot(source, "conv 6@5x5")
    return Diagnostic(
        "E0410",
        "`linear` takes 400 features but 256 arrive",
        spot(source, "in=400"),
        "400 = 16*5*5 would need a 5x5 map",
        (
            Note("sizes follow from here", spot(source, "input 1@28x28")),
            Note("16@4x4 = 256", spot(source, "flatten")),
            Note("height: input 28, conv 24, avgpool 12, conv 8, avgpool 4"),
        ),
        (
            Fix("drop `in=400`: 256 is inferred", (Edit(spot(source, " in=400"), ""),), safe=True),
            Fix(
                "`pad=2` on the first conv gives 28 28 14 10 5",
                (Edit(Span(source, kernel.end, kernel.end), " pad=2"),),
            ),
            Fix("or an input from 32x32 to 35x35", (Edit(spot(source, "28x28"), "32x32"),)),
        ),
    )


def text_of(*diagnostics: Diagnostic, colour: bool = False) -> str:
    return reports.render("text", diagnostics, colour=colour)


def listing(*diagnostics: Diagnostic) -> str:
    """The report from the place to the last source line."""
    return "\n".join(text_of(*diagnostics).split("\n")[1:-2])


class TestText:
    def test_the_example_of_the_design(self) -> None:
        assert text_of(lenet()) == EXAMPLE

    def test_an_edit_that_the_title_does_not_quote_is_shown(self) -> None:
        source = Source("x.cnn", "conv 64@3x3\nrelu\n")
        fix = Fix(
            "keep the size", (Edit(Span(source, 11, 11), " pad=1"), Edit(spot(source, "relu"), "tanh\nabs"))
        )
        assert text_of(fault(spot(source, "relu"), fixes=(fix,))) == (
            "error[E0410]: it is wrong\n"
            "  --> x.cnn:2:1\n"
            " 2 | relu\n"
            "   | ^^^^ here\n"
            "help: keep the size\n"
            " 1 + conv 64@3x3 pad=1\n"
            " 2 + tanh\n"
            " 3 + abs\n"
            "   = see: cnnspec explain E0410\n"
        )

    def test_marks_on_one_line_have_rows_of_their_own(self) -> None:
        source = Source("x.cnn", "conv 6@5x5 pad=1 pad=2")
        found = fault(
            spot(source, "pad=2"),
            Note("first", spot(source, "pad=1")),
            Note("of this", spot(source, source.text)),
        )
        assert listing(found) == (
            "  --> x.cnn:1:18\n"
            " 1 | conv 6@5x5 pad=1 pad=2\n"
            "   | ---------------------- of this\n"
            "   |            ----- first\n"
            "   |                  ^^^^^ here"
        )

    def test_a_span_over_lines_is_marked_at_both_ends(self) -> None:
        source = Source("x.cnn", "net A {\n  add {\n    | a\n    | b\n  }\n}\n")
        found = fault(Span(source, source.text.index("add"), source.text.index("}") + 1))
        assert listing(found) == ("  --> x.cnn:2:3\n 2 |   add {\n   |   ^^^^^\n...\n 5 |   }\n   |   ^ here")

    def test_a_span_that_takes_in_the_newline_stays_on_its_line(self) -> None:
        source = Source("x.cnn", "relu\ntanh\n")
        assert listing(fault(Span(source, 0, 5))) == "  --> x.cnn:1:1\n 1 | relu\n   | ^^^^ here"

    @pytest.mark.parametrize(("text", "line"), [("relu", 1), ("relu\n", 2), ("", 1)])
    def test_the_end_of_the_file_has_a_place(self, text: str, line: int) -> None:
        source = Source("x.cnn", text)
        shown = listing(fault(Span(source, len(text), len(text))))
        assert shown.endswith(" ^ here") and f" {line} |" in shown

    def test_numbers_of_unequal_length_are_aligned(self) -> None:
        source = Source("x.cnn", "\n" * 8 + "input 1@2x2\nrelu\n")
        assert listing(fault(spot(source, "relu"), Note("from here", spot(source, "input 1@2x2")))) == (
            "   --> x.cnn:10:1\n  9 | input 1@2x2\n    | ----------- from here\n 10 | relu\n    | ^^^^ here"
        )

    def test_another_file_is_named(self) -> None:
        source, other = Source("x.cnn", "Block 3\n"), Source("blocks/b.cnn", "\nconv 3\n")
        assert listing(fault(spot(source, "Block 3"), Note("in it", spot(other, "conv 3")))) == (
            "  --> x.cnn:1:1\n 1 | Block 3\n   | ^^^^^^^ here\n"
            "  ::: blocks/b.cnn:2:1\n 2 | conv 3\n   | ------ in it"
        )

    def test_a_note_of_several_lines_is_indented(self) -> None:
        source = Source("x.cnn", "relu")
        shown = text_of(fault(spot(source, "relu"), Note("one\ntwo")))
        assert "   = note: one\n           two\n" in shown

    @pytest.mark.parametrize(
        ("before", "shown", "columns"),
        [
            ("\t", "    ", 4),
            ("層 ", "層 ", 3),
            ("e\u0301 ", "e\u0301 ", 2),
            ("\x1b ", "\\x1b ", 5),
            ("\u202e ", "\\u{202e} ", 9),
            ("\u200b ", "\\u{200b} ", 9),
            ("\u00a0 ", "\\xa0 ", 5),
            ("\ud800 ", "\\u{d800} ", 9),
            ("🙂 ", "🙂 ", 3),
        ],
    )
    def test_the_mark_stands_under_its_text(self, before: str, shown: str, columns: int) -> None:
        source = Source("x.cnn", f"{before}relu")
        _, line, mark = listing(fault(spot(source, "relu"))).split("\n")
        assert line == f" 1 | {shown}relu"
        assert mark == "   | " + " " * columns + "^^^^ here"

    def test_wide_text_has_a_wide_mark(self) -> None:
        source = Source("x.cnn", "層層 relu")
        assert listing(fault(spot(source, "層層"))).endswith("   | ^^^^ here")

    def test_of_a_long_line_the_part_around_the_mark_is_shown(self) -> None:
        source = Source("x.cnn", "relu, " * 2_000_000 + "tanh, " + "relu, " * 1000)
        found = fault(spot(source, "tanh"), Note("starts", Span(source, 0, 4)))
        *_, start, under_start, line, under = listing(found).split("\n")
        assert line[under.index("^") : under.index(" here")] == "tanh"
        assert start[under_start.index("-") : under_start.index(" starts")] == "relu"
        assert len(line) < 140 and " ..." in line and line.endswith("...") and start.endswith("...")

    def test_a_mark_longer_than_the_window_ends_with_it(self) -> None:
        source = Source("x.cnn", "a" * 5000)
        assert max(map(len, listing(fault(Span(source, 0, 5000))).split("\n"))) < 140

    def test_names_and_messages_cannot_repaint_the_terminal(self) -> None:
        source = Source("\x1b[2Jx.cnn", "relu")
        hostile = "\x1b[31m\r\u202e"
        found = Diagnostic("E0410", hostile, spot(source, "relu"), hostile, (Note(hostile),), (Fix(hostile),))
        shown = text_of(found)
        assert not any(c in shown for c in "\x1b\r\u202e")

    def test_colour_adds_nothing_but_colour(self) -> None:
        import re

        coloured = text_of(lenet(), colour=True)
        assert "\x1b[1;31merror[E0410]\x1b[0m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == EXAMPLE

    def test_several_are_counted(self) -> None:
        source = Source("x.cnn", "relu")
        warning = Diagnostic("W0501", "odd", spot(source, "relu"))
        assert text_of(lenet(), lenet(), warning).endswith("\n\n2 errors, 1 warning\n")

    def test_the_rest_is_counted(self) -> None:
        shown = text_of(*[lenet()] * 60)
        assert shown.count("error[") == 50 and shown.endswith("\n60 errors; the first 50 are shown\n")

    def test_nothing_wrong_is_no_text(self) -> None:
        assert text_of() == ""

    @given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60))
    def test_any_span_of_any_text_renders(self, text: str, start: int, end: int) -> None:
        start, end = sorted((min(start, len(text)), min(end, len(text))))
        source = Source("x.cnn", text)
        shown = text_of(fault(Span(source, start, end), Note("n", Span(source, 0, len(text)))))
        assert "^" in shown and all(c == "\n" or visible(c) == c for c in shown)


def test_width_is_what_a_terminal_takes() -> None:
    assert [width(text) for text in ("abc", "層", "e\u0301", "한", "\uff41")] == [3, 2, 1, 2, 2]


class TestConcise:
    def test_one_line_each(self) -> None:
        line = "lenet.cnn:9:16: E0410 `linear` takes 400 features but 256 arrive\n"
        assert reports.render("concise", [lenet(), lenet()]) == line * 2

    def test_the_rest_is_counted(self) -> None:
        *lines, last = reports.render("concise", [lenet()] * 51).splitlines()
        assert len(lines) == 50 and last == "51 errors; the first 50 are shown"


class TestGithub:
    def test_a_command(self) -> None:
        shown = reports.render("github", [lenet()])
        place, message = shown.split("::", 2)[1:]
        assert place == "error file=lenet.cnn,line=9,col=16,endLine=9,endColumn=22,title=E0410"
        assert message.startswith("`linear` takes 400 features but 256 arrive%0A400 = 16*5*5 would")
        assert "%0Aline 2: sizes follow from here%0A" in message and "%0Ahelp: drop `in=400`" in message
        assert message.count("\n") == 1

    def test_escapes(self) -> None:
        source = Source("a,b:c%.cnn", "relu\ntanh")
        found = Diagnostic("W0501", "50%\n::error::x\r", Span(source, 0, 9))
        assert reports.render("github", [found]) == (
            "::warning file=a%2Cb%3Ac%25.cnn,line=1,endLine=2,title=W0501::50%25%0A::error::x\\x0d\n"
        )

    def test_a_note_is_a_notice(self) -> None:
        source = Source("x.cnn", "relu")
        assert reports.render("github", [Diagnostic("N0801", "so", spot(source, "relu"))]).startswith(
            "::notice file="
        )

    def test_the_rest_is_counted(self) -> None:
        lines = reports.render("github", [lenet()] * 51).splitlines()
        assert len(lines) == 51 and lines[-1] == "::notice title=cnnspec::51 errors; the first 50 are shown"


NETWORK: dict[str, Any] = {
    "name": "LeNet5",
    "inputs": [{"name": "input", "shape": [1, 28, 28]}],
    "outputs": [{"name": "output", "shape": [10]}],
    "params": 61706,
    "buffers": 0,
    "macs": 416520,
    "layers": [
        {
            "path": "conv1",
            "layer": "conv",
            "arguments": {"filter": "6@5x5", "stride": [1, 1], "bias": True, "init": None},
            "line": 3,
            "inputs": ["input"],
            "output": [6, 24, 24],
            "params": 156,
            "macs": 86400,
        }
    ],
}


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        files("cnnspec.faults.reports").joinpath("check.schema.json").read_text("utf-8")
    )
    return loaded


class TestJson:
    def report(self, *diagnostics: Diagnostic) -> dict[str, Any]:
        shown = reports.render("json", diagnostics, [{"path": "lenet.cnn", "networks": [NETWORK]}])
        loaded: dict[str, Any] = json.loads(shown)
        jsonschema.validate(loaded, schema(), jsonschema.Draft202012Validator)
        return loaded

    def test_the_contract(self) -> None:
        report = self.report(lenet())
        (found,) = report["diagnostics"]
        assert (
            report["version"] == 1 and report["ok"] is False and report["files"][0]["networks"] == [NETWORK]
        )
        assert (found["code"], found["severity"], found["path"]) == ("E0410", "error", "lenet.cnn")
        assert [found[k] for k in ("line", "column", "end_line", "end_column")] == [9, 16, 9, 22]
        assert found["notes"][-1] == {
            "message": "height: input 28, conv 24, avgpool 12, conv 8, avgpool 4",
            "path": "lenet.cnn",
            "line": 9,
            "column": 16,
            "end_line": 9,
            "end_column": 22,
        }
        assert found["fixes"][1]["edits"] == [
            {"path": "lenet.cnn", "line": 3, "column": 15, "end_line": 3, "end_column": 15, "text": " pad=2"}
        ]
        assert [fix["safe"] for fix in found["fixes"]] == [True, False, False]

    def test_warnings_leave_it_ok(self) -> None:
        source = Source("x.cnn", "relu")
        assert self.report(Diagnostic("W0501", "odd", spot(source, "relu")))["ok"] is True

    def test_columns_are_code_points(self) -> None:
        source = Source("x.cnn", "🙂e\u0301 relu")
        assert self.report(fault(spot(source, "relu")))["diagnostics"][0]["column"] == 5

    def test_all_faults_are_told_in_ascii(self) -> None:
        source = Source("x.cnn", "\u202e\ud800")
        found = Diagnostic("E0102", "\u202e\ud800", Span(source, 0, 2))
        assert len(self.report(*[found] * 60)["diagnostics"]) == 60
        assert reports.render("json", [found]).isascii()

    def test_the_schema_is_strict_and_documented(self) -> None:
        def walk(node: Any) -> None:
            if isinstance(node, dict):
                if node.get("type") == "object" and "properties" in node:
                    assert node["additionalProperties"] is False and set(node["required"]) == set(
                        node["properties"]
                    )
                    assert node["description"]
                for child in node.values():
                    walk(child)

        jsonschema.Draft202012Validator.check_schema(schema())
        walk(schema())

    @pytest.mark.parametrize("key", ["version", "ok", "diagnostics"])
    def test_the_schema_refuses_what_lacks_a_part(self, key: str) -> None:
        report = self.report(lenet())
        del report[key]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(report, schema())


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1}
_MESSAGE = _object("text", text=_TEXT)
_ARTIFACT = _object("uri", uri={"type": "string", "format": "uri-reference", "pattern": r"^[!-~]+$"})
_REGION = _object(
    "startLine startColumn endLine endColumn",
    startLine=_COUNT,
    startColumn=_COUNT,
    endLine=_COUNT,
    endColumn=_COUNT,
)
_PHYSICAL = _object("artifactLocation region", artifactLocation=_ARTIFACT, region=_REGION)
_LOCATION = _object("physicalLocation", physicalLocation=_PHYSICAL, message=_MESSAGE)


def _array(items: Any, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


SARIF = _object(
    "version runs",
    **{"$schema": _TEXT},
    version={"const": "2.1.0"},
    runs=_array(
        _object(
            "tool results",
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            tool=_object(
                "driver",
                driver=_object(
                    "name",
                    name=_TEXT,
                    rules=_array(
                        _object(
                            "id", id=_TEXT, shortDescription=_MESSAGE, fullDescription=_MESSAGE, help=_MESSAGE
                        )
                    ),
                ),
            ),
            results={
                "type": "array",
                "items": _object(
                    "message",
                    ruleId=_TEXT,
                    ruleIndex={"type": "integer", "minimum": -1},
                    level={"enum": ["none", "note", "warning", "error"]},
                    message=_MESSAGE,
                    locations=_array(_LOCATION),
                    relatedLocations=_array(_LOCATION),
                    fixes=_array(
                        _object(
                            "artifactChanges",
                            description=_MESSAGE,
                            properties={"type": "object"},
                            artifactChanges=_array(
                                _object(
                                    "artifactLocation replacements",
                                    artifactLocation=_ARTIFACT,
                                    replacements={
                                        "type": "array",
                                        "minItems": 1,
                                        "items": _object(
                                            "deletedRegion", deletedRegion=_REGION, insertedContent=_MESSAGE
                                        ),
                                    },
                                ),
                                1,
                            ),
                        )
                    ),
                ),
            },
        )
    ),
)
"""The part of the SARIF 2.1.0 schema that we write, in its own words; anything else is refused."""


class TestSarif:
    def log(self, *diagnostics: Diagnostic) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(reports.render("sarif", diagnostics))
        jsonschema.validate(loaded, SARIF, jsonschema.Draft7Validator)
        run: dict[str, Any] = loaded["runs"][0]
        return run

    def test_a_result(self) -> None:
        run = self.log(lenet(), lenet())
        (rule,) = run["tool"]["driver"]["rules"]
        result = run["results"][1]
        assert rule["id"] == "E0410" and rule["shortDescription"]["text"]
        assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("E0410", 0, "error")
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": 9, "startColumn": 16, "endLine": 9, "endColumn": 22}
        assert [place["message"]["text"] for place in result["relatedLocations"]] == [
            "sizes follow from here",
            "16@4x4 = 256",
        ]
        replacement = result["fixes"][1]["artifactChanges"][0]["replacements"][0]
        assert replacement["insertedContent"] == {"text": " pad=2"}
        assert replacement["deletedRegion"] == {
            "startLine": 3,
            "startColumn": 15,
            "endLine": 3,
            "endColumn": 15,
        }

    def test_none_is_left_out(self) -> None:
        assert len(self.log(*[lenet()] * 60)["results"]) == 60

    def test_repeated_notes_and_advice_without_edits_stay_valid(self) -> None:
        source = Source("x.cnn", "relu")
        note = Note("twice", spot(source, "relu"))
        result = self.log(fault(spot(source, "relu"), note, note, fixes=(Fix("think"),)))["results"][0]
        assert len(result["relatedLocations"]) == 1 and "fixes" not in result

    @pytest.mark.parametrize(
        ("name", "uri"),
        [
            ("nets/le net.cnn", "nets/le%20net.cnn"),
            ("層.cnn", "%E5%B1%A4.cnn"),
            ("/tmp/x.cnn", "file:///tmp/x.cnn"),
            ("a:b.cnn", "a%3Ab.cnn"),
            ("<stdin>", "%3Cstdin%3E"),
        ],
    )
    def test_paths_are_uris(self, name: str, uri: str) -> None:
        source = Source(name, "relu")
        result = self.log(fault(spot(source, "relu")))["results"][0]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri

    def test_nothing_wrong_is_a_valid_log(self) -> None:
        assert self.log()["results"] == []


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no format 'xml'"):
        reports.render("xml", [])


def test_text_loads_nothing_that_it_does_not_need() -> None:
    script = (
        "import sys; from cnnspec.faults import reports; from cnnspec.text.diagnostics import Diagnostic;"
        "from cnnspec.text.source import Source, Span;"
        "reports.render('text', [Diagnostic('E0410', 'm', Span(Source('x', 'relu'), 0, 4))]);"
        "print(*sorted(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "cnnspec.faults.reports.text" in loaded
    unneeded = {
        "json",
        "cnnspec.faults.explain",
        "cnnspec.faults.reports.json",
        "unicodedata",
        "lark",
        "difflib",
        "importlib.resources",
    }
    assert not unneeded & set(loaded)


def test_what_a_fix_writes_is_never_cut() -> None:
    source = Source("x.cnn", "a " * 200 + "b" + " c" * 200)
    new = "d" * 150
    fix = Fix("so", (Edit(Span(source, 400, 401), new),))
    (line,) = (
        line
        for line in reports.render("text", [fault(Span(source, 0, 1), fixes=(fix,))], []).split("\n")
        if "+" in line
    )
    assert new in line and len(line) < 300
