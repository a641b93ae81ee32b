"""Networks to draw."""

from __future__ import annotations

import shutil
from pathlib import Path

from cnnspec.compiler import check
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Item, boxes
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.graphviz_engine import system, wheel
from cnnspec.draw.graph.layout import lay_out
from cnnspec.draw.graph.wrap import measure, wrap
from cnnspec.draw.look import Look
from cnnspec.graph.tree import Network
from cnnspec.text.files import read, read_used
from cnnspec.text.resources import folder
from cnnspec.text.source import Source
from tests.nets import network

GOLDEN = Path(__file__).parent / "golden"
GOLDENS = ("lenet", "residual", "heads")
LOOK = Look()
ENGINES = {"wheel": wheel()}
if program := shutil.which("dot"):
    ENGINES["dot"] = system(program)
ZOO = sorted(path.stem for path in folder("specs").glob("*.cnn"))


def golden(name: str) -> Network:
    return network((GOLDEN / f"{name}.cnn").read_text(encoding="utf-8"))


def shipped(name: str, net: str | None = None) -> tuple[Network, ...]:
    source = read(str(folder("specs") / f"{name}.cnn"))
    assert isinstance(source, Source)
    checked = check(source, read_used, net)
    assert checked.ok, checked.diagnostics
    return checked.networks


def gated_u(depth: int) -> str:
    """The steps of a U whose skips are weighed by gates."""
    return f"""input 3@64x64
repeat i in {depth} {{
    e{{i}}: {{ conv 8@3x3 pad=1, relu }}
    maxpool 2
}}
conv 16@3x3 pad=1, relu
repeat i in {depth} {{
    up{{i}}: {{ convtranspose 8@2x2 stride=2, relu }}
    add {{ | conv 4@1x1 | from e{{{depth - 1} - i}}, conv 4@1x1 }}
    relu, conv 1@1x1, sigmoid
    mul {{ | identity | from e{{{depth - 1} - i}} }}
    concat {{ | identity | from up{{i}} }}
    conv 8@3x3 pad=1, relu
}}"""


def nested_u(depth: int) -> str:
    """A U in a sum, the values of whose levels meet at its end: as in U2-Net (Qin et al., 2020)."""
    sides = " ".join(f"| from d{i}, conv 1@3x3 pad=1, upsample {2**i} " for i in range(depth))
    return f"""input 3@64x64
r: conv 8@3x3 pad=1
e0: conv 8@3x3 pad=1
repeat i in {depth} {{
    maxpool 2
    e{{i + 1}}: conv 8@3x3 pad=1
}}
repeat i in {depth} {{
    upsample 2
    concat {{ | identity | from e{{{depth - 1} - i}} }}
    d{{{depth - 1} - i}}: conv 8@3x3 pad=1
}}
add {{ | identity | from r }}
concat {{ | identity {sides} }}
conv 1@1x1"""


def exchanging(modules: int) -> str:
    """The steps of three resolutions that are mixed again and again: as in HRNet (Wang et al., 2020)."""
    return f"""input 3@64x64
a0: conv 8@3x3 pad=1
b0: conv 16@3x3 stride=2 pad=1
c0: conv 32@3x3 stride=2 pad=1
repeat m in {modules} {{
    from a{{m}}, x{{m}}: {{ conv 8@3x3 pad=1, relu }}
    from b{{m}}, y{{m}}: {{ conv 16@3x3 pad=1, relu }}
    from c{{m}}, z{{m}}: {{ conv 32@3x3 pad=1, relu }}
    a{{m + 1}}: add {{
        | from x{{m}}
        | from y{{m}}, conv 8@1x1, upsample 2
        | from z{{m}}, conv 8@1x1, upsample 4
    }}
    b{{m + 1}}: add {{
        | from x{{m}}, conv 16@3x3 stride=2 pad=1
        | from y{{m}}
        | from z{{m}}, conv 16@1x1, upsample 2
    }}
    c{{m + 1}}: add {{
        | from x{{m}}, conv 32@5x5 stride=4 pad=2
        | from y{{m}}, conv 32@3x3 stride=2 pad=1
        | from z{{m}}
    }}
}}
output a{modules}
output b{modules}
output c{modules}"""


def outline(items: tuple[Item, ...]) -> list[object]:
    """A diagram's boxes and clusters in short: words, lists."""
    return [
        [f"{item.name} ×{item.times}", *outline(item.items)]
        if isinstance(item, Cluster)
        else " ".join(item.parts) + (f" ×{item.times}" if item.times > 1 else "")
        for item in items
    ]


def ordered(diagram: Diagram) -> list[Box]:
    return list(boxes(diagram.items))


def svg(diagram: Diagram, look: Look = LOOK) -> str:
    return lay_out(diagram, look).svg


def in_columns(net: Network, look: Look = LOOK) -> Diagram:
    """The diagram in columns on a page of a pleasant shape."""
    diagram = simplify(net)
    return wrap(diagram, measure(diagram, look), look, None)[0]
