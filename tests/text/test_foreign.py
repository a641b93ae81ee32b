"""The table of other frameworks' words: whole, and true of what there is here."""

from __future__ import annotations

import keyword
import re

import pytest
import torch

from cnnspec import layers
from cnnspec.compiler import check
from cnnspec.text import foreign
from cnnspec.text.files import read_used
from cnnspec.text.foreign.translate import ForeignCall, translate
from cnnspec.text.source import Source
from cnnspec.text.spelling import suggest
from cnnspec.values.functions import FUNCTIONS

ARGUMENTS = {name for layer in layers.NAMES for name in layers.find(layer).arguments}  # type: ignore[union-attr]
ROWS = [(section, row) for section, rows in foreign.rows().items() for row in rows]


@pytest.mark.parametrize(("section", "row"), [pair for pair in ROWS if pair[0] != "signatures"])
def test_a_row_leads_to_what_there_is(section: str, row: foreign.Translation) -> None:
    known: set[str] | None = {
        "layers": {*layers.NAMES, "input"},
        "arguments": ARGUMENTS,
        "functions": set(FUNCTIONS),
    }.get(section)
    for ours in row.ours:
        assert ours in known if known else re.fullmatch(r'yes|no|0|"[a-z]+"', ours), ours
    assert row.ours or row.answer or section == "arguments"
    assert not row.answer.endswith(".")
    for code in re.findall(r"`([^`]+)`", row.answer):
        first = re.match(r"[a-z]+\b(?!=)", code)
        if section == "layers" and first and code not in ("cnnspec layer", "D@HxW"):
            assert first[0] in (*layers.NAMES, "input", "from", "features"), code


@pytest.mark.parametrize("section", [name for name in foreign.rows() if name != "signatures"])
def test_a_word_has_one_row(section: str) -> None:
    rows = foreign.rows()[section]
    words = [each for row in rows for each in sorted(set(map(foreign.plain, row.words)))]
    assert sorted(words) == sorted(set(words))


def test_every_layer_of_torch_is_known() -> None:
    """Whatever torch.nn has leads to a layer here or has an answer."""
    theirs = [name for name, what in vars(torch.nn).items() if isinstance(what, type)]
    functions = [name for name, what in vars(torch.nn.functional).items() if callable(what)]
    own = re.compile(r".*torch_function.*|boolean_dispatch|assert_int_or_pair|[A-Z_].*|importlib|.*handle.*")
    words = theirs + [name for name in functions if not own.fullmatch(name) and not keyword.iskeyword(name)]
    assert len(words) > 240
    lost = [word for word in words if not foreign.find("layers", word) and word.lower() not in layers.NAMES]
    assert lost == []


@pytest.mark.parametrize("theirs", sorted(foreign.signatures()))
def test_a_signature_is_of_a_known_layer_and_its_arguments_are_known(theirs: str) -> None:
    row = foreign.find("layers", theirs)
    assert row is not None and row.ours
    layer = layers.find(row.ours[0])
    assert layer is not None
    for name in foreign.signatures()[theirs]:
        assert name in layer.arguments or foreign.find("arguments", name) is not None, name


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("fold 2", "`conv 64@16x16 stride=16`"),
        ("conv3d 8@3x3", "two axes only"),
        ("conv1d 8 3", "height 1"),
        ("reshape 3", "`flatten`"),
        ("separable 8@3x3", "`depthwise 3x3 pad=1` and `conv 64@1x1`"),
        ("conv 8@3x3 activation=relu", "`conv 64@3x3, relu`"),
        ("lstm 64", "forward only"),
        ("crossentropyloss", "a loss is no part"),
    ],
)
def test_no_opposite_is_offered_but_a_true_answer(line: str, answer: str) -> None:
    source = Source("x.cnn", f"net A {{\n    input 3@8x8\n    {line}\n}}\n")
    fault = check(source, read_used).diagnostics[0]
    assert answer in fault.fixes[-1].title and not fault.fixes[-1].edits
    assert not any("did you mean" in fix.title for fix in fault.fixes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[net]\nbatch=1\n[maxpool]\nsize=2\n" * 40, "a Darknet cfg"),
        ('input: "data"\nlayers {\n  bottom: "data"\n  type: POOLING\n}\n', "a Caffe prototxt"),
        ("class Net(nn.Module):\n    def __init__(self):\n        pass\n", "Python code"),
        ('{"class_name": "Sequential", "config": {"layers": []}}', "a Keras model in JSON"),
        ("nc: 80\nbackbone:\n  # from, number\n  - [-1, 1, Conv, [64, 6, 2, 2]]\n", "a YAML of YOLO"),
    ],
)
def test_a_pasted_file_is_one_fault_that_says_what_it_is(text: str, kind: str) -> None:
    (fault,) = check(Source("x.cnn", text), read_used).diagnostics
    assert fault.code == "E0106" and f"this is {kind}, " in fault.message


def test_a_faulty_file_of_ours_is_read_line_by_line() -> None:
    text = "import torch\nnet A {\n    input 3@8x8\n    layer { name: 3 }\n}\n"
    assert "E0106" not in {d.code for d in check(Source("x.cnn", text), read_used).diagnostics}


@pytest.mark.parametrize("word", ["unfold", "conv3d", "convlstm2d", "reshape"])
def test_what_has_an_answer_is_not_taken_for_a_slip(word: str) -> None:
    assert suggest(word, layers.NAMES) == []


@pytest.mark.parametrize(
    ("call", "ours"),
    [
        (ForeignCall("Conv2d", ("16", "32", "5", "1", "2")), "conv 32@5x5 stride=1 pad=2"),
        (ForeignCall("Conv2D", ("16", "(3, 3)"), (("activation", '"relu"'),)), "conv 16@3x3, relu"),
        (ForeignCall("Conv2D", ("16", "(3, 5)", "(2, 2)", "'SAME'")), 'conv 16@3x5 stride=2 pad="same"'),
        (ForeignCall("Convolution2D", ("16", "1", "7")), "conv 16@1x7"),
        (ForeignCall("conv", ("32", "3", "3")), "conv 32@3x3"),
        (ForeignCall("conv", ("32", "3")), "conv 32@3x3"),
        (ForeignCall("conv", ("16", "32", "5")), "conv 32@5x5"),
        (ForeignCall("Conv2d", ("16@3x3",)), "conv 16@3x3"),
        (
            ForeignCall("Conv1d", ("2", "4", "3"), (("stride", "2"), ("padding", "1"))),
            "conv 4@1x3 stride=1x2 pad=0x1",
        ),
        (ForeignCall("ConvTranspose2d", ("8", "4", "2", "2")), "convtranspose 4@2x2 stride=2"),
        (ForeignCall("MaxPool2d", ("2", "2")), "maxpool 2x2 stride=2"),
        (ForeignCall("MaxPool2d", (), (("kernel_size", "2"), ("stride", "None"))), "maxpool 2x2"),
        (ForeignCall("Dense", ("10", "'softmax'")), "linear 10, softmax"),
        (ForeignCall("Linear", ("32 * 7 * 7", "10")), "linear 10"),
        (ForeignCall("Linear", ("10",)), "linear 10"),
        (ForeignCall("Linear", ("width", "2 * width", "False")), "linear (2 * width) bias=no"),
        (ForeignCall("BatchNorm2d", ("64",), (("eps", "1e-3"),)), "batchnorm eps=1e-3"),
        (ForeignCall("BatchNorm1d", ("64",)), "batchnorm"),
        (ForeignCall("GroupNorm", ("32", "64")), "groupnorm 32"),
        (ForeignCall("ReLU", ("True",)), "relu"),
        (ForeignCall("LeakyReLU", ("0.1",), (("inplace", "True"),)), "leakyrelu 0.1"),
        (ForeignCall("Dropout", ("0.3",)), "dropout 0.3"),
        (ForeignCall("Flatten"), "flatten"),
        (ForeignCall("UpSampling2D", ("(2, 2)",)), "upsample 2"),
        (ForeignCall("DepthwiseConv2D", ("3",), (("depth_multiplier", "2"),)), "depthwise 3x3 multiplier=2"),
        (ForeignCall("conv", ("8@3x3",), (("trainable", "False"),)), None),  # `frozen` is the opposite
        (ForeignCall("Conv2d", ("8", "3")), None),  # no kernel
        (ForeignCall("Conv3d", ("8", "8", "3")), None),
        (ForeignCall("LSTM", ("64",)), None),
        (ForeignCall("conv", ("8", "3"), (("kernel_regularizer", "l2"),)), None),
    ],
)
def test_a_call_is_written_in_our_words(call: ForeignCall, ours: str | None) -> None:
    assert translate(call) == ours
