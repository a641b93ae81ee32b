"""Which variable holds what: conditional steps, wires and labels in blocks that are used in several ways.

Every net here computes in PyTorch what its graph says, in evaluation and in training.
"""

from __future__ import annotations

import re
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from cnnspec import backends
from cnnspec.backends import NoProgram, emit
from cnnspec.commands.cli import main
from tests.backends.interpreter import agree
from tests.nets import network

CASES = {
    "a wire around a conditional step": """
        block M(wide=yes) {
            x: identity
            conv 4@1x1
            if wide { relu }
            v: identity
            from x
            conv 4@1x1
            add { | from v | identity }
        }
        net N { input 4@8x8, M, M no }""",
    "a conditional branch that is only a wire": """
        block Res(out) {
            c = in.channels
            x: identity
            body: conv out@1x1
            add { | identity | if c != out { from x, conv out@1x1 } else { from x } }
        }
        net N { input 3@8x8, Res 4, Res 4 }""",
    "a wire as all that a branch does": """
        block B(flag=yes) {
            x: identity
            conv 4@1x1
            if flag { from x }
            relu
        }
        net N { input 4@8x8, B, B no }""",
    "wires by the numbers of steps": """
        block B { conv 4@3x3 pad=1, relu }
        net N { input 4@8x8
            f: repeat 3 { B, tanh }
            g: { scale 0.5, B, concat { | from f.{1} | from f.2 | from 0 | from 1 } }
            conv 4@1x1, again f.4
        }""",
    "a label behind a conditional step": """
        block B(act) {
            conv 3@3x3 pad=1
            if act { tanh }
            y: identity
            add { | conv 3@3x3 pad=1 | from y }
        }
        net N { input 3@8x8, B yes, B no }""",
    "a labelled condition whose other branch joins": """
        block B(first) {
            a: identity
            s: if first { conv 3@1x1 } else { add { | identity | conv 3@1x1 } }
            add { | tanh | from a | from s }
        }
        net N { input 3@8x8, B yes, B no }""",
    "branches that write nothing": """
        block B(flag) {
            conv 4@1x1
            if flag { identity } else { y: identity }
            add { | identity | conv 4@1x1, if flag { z: identity } }
        }
        net N { input 4@8x8, B yes, B no }""",
    "conditions within branches": """
        block B(a, b) {
            x: conv 4@1x1
            if a { if b { tanh } else { from x, conv 4@1x1, sigmoid }, y: identity }
            z: identity
            add { | from x | conv 4@1x1 | from z }
        }
        net N { input 4@8x8, B yes yes, B yes no, B no no }""",
    "one condition in each turn of a repeat": """
        block B(n) {
            x: identity
            repeat i in 3 { conv 4@1x1, if i < n { tanh }, add { | identity | from x } }
        }
        net N { input 4@8x8, B 0, B 1, B 2, B 3 }""",
    "a conditional path of several lines": """
        block B(n) {
            add {
                | conv 4@1x1
                | if n > 0 { add { | tanh | conv 4@1x1 | mul { | sigmoid | conv 4@1x1 } } } else { none }
            }
        }
        net N { input 4@8x8, B 0, B 1 }""",
    "what only training needs, behind a condition": """
        block B(a) { conv 4@1x1, if a { tanh }, y: identity, conv 4@1x1, add { | from y | identity } }
        net N {
            input 4@8x8
            a: B yes
            b: B no
            c: add { | from a | B yes | B no }
            output c
            output b train=yes
        }""",
    "what leads somewhere in some uses alone": """
        block B(a) { x: identity, conv 4@1x1, batchnorm, dropout 0.5, if a { from x }, tanh }
        net N { input 4@8x8, B yes, B no }""",
    "a condition that runs again": """
        block B(a) {
            x: identity
            s: if a { from x } else { tanh, batchnorm }
            from s
            again s
        }
        net N { input 4@8x8, B yes, B no }""",
    "a path that is not everywhere, run again": """
        block B(a) { s: add { | identity | if a { conv 4@1x1 } else { none } }, tanh, again s }
        net N { input 4@8x8, B yes, B no }""",
    "a loop behind which its start is read": """
        block B(n) {
            conv 4@1x1
            if n > 2 { tanh }
            y: identity
            repeat 4 { add { | identity | conv 4@1x1, tanh } }
            add { | from y | identity }
        }
        net N { input 4@8x8, B 2, B 3 }""",
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_block_computes_what_its_graph_says_in_every_use(case: str, training: bool) -> None:
    agree(CASES[case], training=training)


FORWARDS = {
    "a wire around a conditional step": """\
        y = self.conv1(x)
        if self.wide:
            y = self.relu1(y)
        z = self.conv2(x)
        x = y + z
        return x
""",
    "a conditional branch that is only a wire": """\
        y = self.body(x)
        if self.has_conv2:
            z = self.conv2(x)
        else:
            z = x
        x = y + z
        return x
""",
    "a label behind a conditional step": """\
        x = self.conv1(x)
        if self.act:
            x = self.tanh1(x)
        x = self.conv2(x) + x
        return x
""",
}


@pytest.mark.parametrize("case", FORWARDS)
def test_uses_that_differ_share_a_class_and_say_no_more_than_they_must(case: str) -> None:
    code = emit("torch", network(CASES[case]), "net.cnn")
    assert code.partition("forward(self, x: Tensor) -> Tensor:\n")[2].startswith(FORWARDS[case])
    assert len(re.findall(r"\nclass ", code)) == 2


LENT = """block C(act=yes) {
    if act { }
    a: if act and yes { "1x1": conv 4@1x1, tanh }
    abs
    if not act { a: silu } else { b: gelu, if act { elu, from b, relu } }
}
"""


@pytest.mark.parametrize("uses", ["C yes, C no", "C no, C yes, C no", "C no, C no"])
def test_a_label_that_is_another_steps_where_it_is_not_taken(uses: str) -> None:
    """No class holds both steps in one attribute, the second in place of the first."""
    text = f"{LENT}net N {{ input 4@5x5\n conv 4@1x1, {uses} }}"
    assert len(re.findall(r"\nclass C", emit("torch", network(text), "net.cnn"))) == len({*uses.split(", ")})
    for training in (False, True):
        agree(text, training=training)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_what_is_no_python_is_refused_and_never_written(backend: str, tmp_path: Path) -> None:
    spec, file = tmp_path / "n.cnn", tmp_path / "n.py"
    spec.write_text("net N { input 3@8x8, relu }")

    broken = mock.Mock()
    broken.emit.return_value = "# made by cnnspec\nif backend:\nelse:\n"
    with mock.patch.object(backends, "import_module", return_value=broken):
        with pytest.raises(NoProgram, match=f"what was written for {backend} is no Python: .*line 3"):
            emit(backend, network(spec.read_text()), "n.cnn")
        result = CliRunner().invoke(main, ["build", str(spec), "--backend", backend, "-o", str(file)])
    assert result.exit_code not in (0, 2)
    assert not file.exists()
