"""What `cnnspec explain resnet` tells of a network that ships with cnnspec."""

from __future__ import annotations

from cnnspec.compiler import check
from cnnspec.tables.one_line import figures
from cnnspec.text.files import read_used
from cnnspec.text.shipped import defined_by, find, read_named


def zoo_page(name: str) -> str:
    """The page of a shipped file, or of the net in it that the name means. Raises FileProblem."""
    file, net = find(name)
    source, _ = read_named(file)
    networks = check(source, read_used, net).networks
    held = defined_by(file)
    width = max((len(network.name) for network in networks), default=0)
    lines = [f"{network.name:{width}}  {figures(network)}" for network in networks]
    if not lines:
        lines = [f"Blocks, for `use`: {', '.join(held.defines)}"]
    example = f"; `cnnspec draw {networks[0].name}` draws one" if networks else ""
    return "\n".join([held.about, "", *lines, "", f"`cnnspec zoo {file}` prints the file{example}."]) + "\n"
