"""`cnnspec summary`: rows, folding, formats, broken specifications."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.graph.tree import Network
from cnnspec.tables.fold_rows import fold, name_range
from cnnspec.tables.papers import escape_latex, escape_markdown
from cnnspec.tables.plain_text import text
from cnnspec.tables.rows import Summary, collapse, rows_of, table
from cnnspec.tables.summary import summary as write
from cnnspec.tables.table_columns import COLUMNS
from cnnspec.values.shapes import percentage
from tests import nets
from tests.commands.calling import run
from tests.zoo.shipped import FILES, network

SPECS = Path(__file__).parents[2] / "specs"
GOLDEN = Path(__file__).parents[1] / "data" / "summary"
NETS = sorted(FILES)


summary = partial(run, "summary")


def shortened(net: Network) -> Summary:
    found = table(net)
    return found._replace(items=fold(found.items))


@pytest.mark.parametrize("style", ["text", "csv", "json", "markdown", "latex"])
@pytest.mark.parametrize(("name", "options"), [("lenet", []), ("resnet", ["--depth", "2"])])
def test_the_table(name: str, options: list[str], style: str) -> None:
    made = summary(str(SPECS / f"{name}.cnn"), "--format", style, *options)
    assert made.exit_code == 0
    assert made.stdout == (GOLDEN / f"{name}.{style}").read_text("utf-8")


def test_colour_adds_nothing_but_colour() -> None:
    plain, coloured = (write(network("LeNet5"), colour=colour) for colour in (False, True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    name, heads, rule, first, *_, note = coloured.splitlines()
    assert name == "\x1b[1mLeNet5\x1b[0m" and heads.startswith("\x1b[1mlayer ")
    assert rule.strip("─") == "" and first.startswith("conv1 ") and note.startswith("\x1b[2m")


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_no_line_is_wider_than_a_page(net: str) -> None:
    lines = text(shortened(network(net)), list(COLUMNS), colour=False).splitlines()
    assert max(map(len, lines)) <= 100


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_rows_add_up(net: str) -> None:
    checked = network(net)
    found, total = table(checked), costs(checked)
    assert (found.total.params, found.total.macs, found.buffers) == total[:1] + total[2:] + total[1:2]
    for items in (found.items, fold(found.items)):
        for depth in (1, 2, 3, 9):
            rows = list(rows_of(collapse(items, depth)))
            for what in ("params", "macs", "memory"):
                assert sum(getattr(row, what) for row in rows) == getattr(found.total, what)


def test_repeats_fold() -> None:
    made = summary(str(SPECS / "resnet.cnn"), "--net", "ResNet152").stdout
    assert "1…35: Bottleneck ×35" in made
    assert len(made.splitlines()) < 130


def test_a_long_chain_folds_to_its_pattern() -> None:
    net = nets.network("repeat 1000 { conv 8@3x3 pad=1, batchnorm, relu }", shape="8@9x9")
    (section,) = shortened(net).items
    assert section.times == 1000
    assert [row.params for row in rows_of([section])] == [584_000, 16_000, 0]


def test_paths_side_by_side_do_not_fold() -> None:
    body = "concat { | a1: { conv 2@1x1, relu } | a2: { conv 2@1x1, relu } }"
    net = nets.network(body, shape="2@9x9")
    assert [item.name for item in shortened(net).items] == ["a1", "a2", "concat1"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["conv1", "conv9"], "conv1…9"),
        (["layer3.1.conv1", "layer3.35.conv1"], "layer3.1…35.conv1"),
        (["3a", "3b"], "3a…b"),
        (["one", "three"], "one…three"),
        (["same", "same"], "same"),
    ],
)
def test_names_of_several(names: list[str], told: str) -> None:
    assert name_range(names) == told


def test_shared_weights_count_once() -> None:
    rows = list(rows_of(table(network("Siamese")).items))
    first, second = (row for row in rows if row.path.startswith("tower.0"))
    assert (first.params, second.params, second.shared) == (6464, 0, True)
    assert first.macs == second.macs != 0
    assert "shared" in summary(str(SPECS / "siamese.cnn")).stdout


def test_what_only_training_runs_costs_nothing() -> None:
    rows = [row for row in rows_of(table(network("GoogLeNet")).items) if row.idle]
    assert rows and not any(row.macs or row.memory for row in rows)
    assert sum(row.params or 0 for row in rows) > 0


BROKEN = {
    "conv 8@3x3, conv 8@99x99, relu": ["8@30x30", None, None],
    "conv 8@3x3, rleu, tanh": ["8@30x30", None, None],
    "add { | relu | maxpool 2x2 }, tanh": ["3@32x32", "3@16x16", None, None],
    "conv 8@3x3 pad=\nrelu": [None, None],
    "a: relu\nagain b\nflatten": ["3@32x32", None, None],
}


@pytest.mark.parametrize("body", BROKEN)
def test_broken_nets_go_as_far_as_they_can(body: str) -> None:
    spec = f"net N {{\n input 3@32x32\n{body}\n}}\n"
    made = summary("-", "--format", "json", stdin=spec)
    assert made.exit_code == 1
    assert made.stderr.startswith("error[")
    content = json.loads(made.stdout)
    assert [layer["output"] for layer in content["layers"]] == BROKEN[body]
    assert content["params"] is content["macs"] is content["peak"] is None
    for row in summary("-", stdin=spec).stdout.splitlines():
        assert not row.startswith("total") or row.split()[1:] == ["?"] * 4


def test_nothing_to_summarise() -> None:
    made = summary("-", stdin="net N { input 3@4x4")
    assert (made.exit_code, made.stdout) == (1, "")
    assert made.stderr.startswith("error[E0103]")


def test_the_only_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.cnn").write_text("net N { input 3@4x4\n relu }")
    monkeypatch.chdir(tmp_path)
    assert "relu1" in summary().stdout


def test_inputs_outputs_vectors() -> None:
    spec = "net N {\n v: input 20\n m: input 1@4x4\n a: flatten\n from v\n b: linear 3\n output a b\n}"
    made = list(csv.DictReader(io.StringIO(summary("-", "--format", "csv", stdin=spec).stdout)))
    assert [(row["path"], row["output"], row["field"]) for row in made] == [
        ("a", "16", "all"),
        ("b", "3", "all"),
    ]


def test_columns_are_chosen_and_ordered() -> None:
    made = summary(str(SPECS / "lenet.cnn"), "--columns", "macs,layer")
    assert made.stdout.splitlines()[1].split() == ["MACs", "layer"]
    wrong = summary(str(SPECS / "lenet.cnn"), "--columns", "flops")
    assert wrong.exit_code == 2 and "there is no column 'flops'" in wrong.stderr


@pytest.mark.parametrize(
    "part, whole, digits, said",
    [
        (9_996, 10_000, 0, ">99"),
        (9_996, 10_000, 1, ">99.9"),
        (9_994, 10_000, 1, "99.9"),
        (10_000, 10_000, 1, "100.0"),
        (4, 10_000, 1, "<0.1"),
        (6, 10_000, 1, "0.1"),
        (0, 10_000, 1, "0.0"),
        (1, 3, 0, "33"),
    ],
)
def test_all_is_100_percent_and_nothing_0(part: int, whole: int, digits: int, said: str) -> None:
    assert percentage(part, whole, digits) == said


def test_shares_are_rounded_but_never_to_all_or_nothing() -> None:
    """Of 10,002,000 parameters 10,001,000 and 1,000."""
    spec = "net N {\n input 10000\n linear 1000\n linear 1 bias=no\n}\n"
    lines = summary("-", "--columns", "layer,share", stdin=spec).stdout.splitlines()
    shares = dict(words for words in map(str.split, lines) if len(words) == 2)
    assert (shares["linear1"], shares["linear2"]) == (">99.9", "<0.1")


def test_html_has_a_row_a_layer_and_escapes_names() -> None:
    spec = 'net A { input 3@8x8, "a<b>&": conv 4@3x3, flatten, linear 2 }'
    result = summary("-", "--format", "html", "--columns", "layer,output,params", stdin=spec)
    table = ET.fromstring(result.stdout)
    assert [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")] == [
        ["layer", "output", "params"],
        ["a<b>&: conv", "4@6x6", "112"],
        ["flatten1", "144", "–"],
        ["linear1", "2", "290"],
        ["total", "", "402"],
    ]


def test_names_are_escaped() -> None:
    assert escape_markdown(r"größe_b|c<d>&e*f`g[h]#\ ") == r"größe\_b\|c&lt;d&gt;&amp;e\*f\`g\[h\]\#\\ "
    assert escape_latex(r"a_b|c<d>&e%f#g$h{i}\~^") == (
        r"a\_b\textbar{}c\textless{}d\textgreater{}\&e\%f\#g\$h\{i\}"
        r"\textbackslash{}\textasciitilde{}\textasciicircum{}"
    )
    spec = "net N_1 {\n input 3@4x4\n the_net: { a_b: relu, tanh }\n}"
    assert r"the\_net.a\_b: relu" in summary("-", "--format", "latex", stdin=spec).stdout
    assert r"the\_net.a\_b: relu" in summary("-", "--format", "markdown", stdin=spec).stdout
    assert "  a_b: relu" in summary("-", stdin=spec).stdout
