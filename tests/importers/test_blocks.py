"""The zoo imported from its own graphs: the same networks, about as long as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.compiler import check, check_text
from cnnspec.graph.tree import Network
from cnnspec.importers.from_network import model_of
from cnnspec.importers.prove import compare
from cnnspec.importers.write import shortest, write
from cnnspec.text.files import read, read_used
from cnnspec.text.formatter import layout
from cnnspec.text.source import Source
from tests.nets import network

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.cnn"))


def lines(text: str) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def first_net(path: Path) -> Network:
    return check(read(str(path), 10**7), read_used, first=True).networks[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_zoo_comes_back_with_its_blocks(path: Path) -> None:
    """Not by way of the flat text, which would do, too: the shortest text itself is the network."""
    net = first_net(path)
    text = shortest(model_of(net), ()).text
    assert layout(Source("net.cnn", text)) == (text, [])
    found = check_text(text)
    assert found.ok, [(d.code, d.message, d.span.text) for d in found.diagnostics]
    assert compare(model_of(net), model_of(found.networks[0])) is None
    assert write(model_of(found.networks[0])) == text
    own = path.read_text("utf-8")
    assert lines(text) <= 1.2 * lines(own) or "\nuse " in f"\n{own}"  # blocks that stand in other files


RESIDUAL = """block Basic(out, stride=1) {
    add {
        | conv out@3x3 stride=stride pad=1, relu, conv out@3x3 pad=1
        | if in.channels != out { conv out@1x1 stride=stride } else { identity }
    }
    relu
}

net Test {
    input 3@32x32
    conv 8@3x3 pad=1
    repeat i, depth, out, stride in [[1, 3, 8, 1], [2, 4, 16, 2], [3, 6, 32, 2], [4, 3, 64, 2]] {
        stage{i}: repeat j in depth { Basic out stride=(stride if j == 0 else 1) }
    }
    globalavgpool, flatten, linear 10
}
"""


def test_a_text_that_is_short_comes_back_as_it_is() -> None:
    assert write(model_of(network(RESIDUAL))) == RESIDUAL


def test_a_join_with_a_label_keeps_it() -> None:
    body = "stem: conv 8@3x3\nunit: add {\n    | conv 8@3x3 pad=1, relu, last: conv 8@1x1\n    | identity\n}"
    text = write(model_of(network(body)))
    assert "unit: add {" in text
    assert write(model_of(check_text(text).networks[0])) == text
