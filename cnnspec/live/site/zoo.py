"""The zoo: a page for each net, with its pictures, its text and its table, and one that lists them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from cnnspec.draw.diagram.simplify import FOLDED, simplify
from cnnspec.draw.graph.graphviz_engine import Engine
from cnnspec.draw.graph.layout import lay_out
from cnnspec.draw.look import Look
from cnnspec.draw.page.colours import CODED, painted
from cnnspec.draw.theme import THEMES
from cnnspec.draw.volume.compose import figure_page
from cnnspec.graph.tree import Network
from cnnspec.live.session import Session
from cnnspec.live.site.frame import SitePage, link, listing
from cnnspec.live.site.playground import PAGE
from cnnspec.tables.one_line import figures
from cnnspec.tables.summary import summary
from cnnspec.text.shipped import Shipped, source_of

INDEX = "zoo/index.html"
VIEWS = {"volume": "Feature maps", "graph": "Graph"}
COLOURS = ("light", "dark")


class ZooNet(NamedTuple):
    """A net of the zoo as the pages tell of it. `figures`: its sizes, its parameters and its MACs."""

    file: Shipped
    network: Network
    sizes: dict[int, str]  # behind the lines of its text, counted from 1

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def path(self) -> str:
        return f"{self.stem}.html"

    @property
    def stem(self) -> str:
        return stem(self.file, self.name)

    @property
    def figures(self) -> str:
        return figures(self.network)


def stem(file: Shipped, net: str) -> str:
    """What the paths of a net's page and pictures begin with."""
    return f"zoo/{file.name}/{net}"


def entries(file: Shipped, names: Sequence[str]) -> list[ZooNet]:
    """The nets of those names in a shipped file, checked as the editor does: each in view once."""
    session = Session()
    path = f"{file.name}.cnn"
    document = session.open(path, source_of(file.name).text)
    found = []
    for name in names:
        session.choose(path, name)
        assert document.check is not None  # what ships has no faults
        sizes = {document.source.position(size.offset)[0]: size.words for size in document.sizes}
        found.append(ZooNet(file, document.check.networks[name], sizes))
    return found


def pictures(entry: ZooNet, draw: Engine) -> Iterator[tuple[str, str]]:
    """The net's pictures in each view, light and dark: paths and SVGs. Raises DrawProblem.

    The graph is laid out once, whatever its colours.
    """
    graph = lay_out(simplify(entry.network, FOLDED), Look(theme=CODED), draw=draw).svg
    for theme in COLOURS:
        yield picture_path(entry, "graph", theme), painted(graph, THEMES[theme])
        yield picture_path(entry, "volume", theme), figure_page(entry.network, Look(theme=THEMES[theme])).svg


def picture_path(entry: ZooNet, view: str, theme: str) -> str:
    return f"{entry.stem}.{view}.{theme}.svg"


def image(page: str, entry: ZooNet, view: str, words: str) -> str:
    """A picture as wide as it may be, in the colours that the reader prefers."""
    light, dark = (link(page, picture_path(entry, view, theme)) for theme in COLOURS)
    return (
        f'<picture><source srcset="{escape(dark)}" media="(prefers-color-scheme: dark)">'
        f'<img src="{escape(light)}" alt="{escape(words)}" loading="lazy"></picture>'
    )


def net_page(entry: ZooNet, siblings: Sequence[ZooNet], playground: bool) -> SitePage:
    """The page of a net; `siblings` are the nets of its file; `playground`: it may be changed there."""
    page, name = entry.path, escape(entry.name)
    views = (
        f"<figure>{image(page, entry, view, f'{entry.name}: {words.lower()}')}<figcaption>{words}: "
        f'<a href="{link(page, picture_path(entry, view, "light"))}">SVG</a></figcaption></figure>'
        for view, words in VIEWS.items()
    )
    volume, graph = views
    text = listing(source_of(entry.file.name).text, entry.sizes, f"{entry.file.name}.cnn")
    parts = [
        f"<h1>{name}</h1>",
        f"<p>{escape(entry.file.about)}</p>",
        f'<p class="quiet">{escape(entry.figures)}</p>',
        volume,
        *others(entry, siblings),
        *(
            [f'<p><a href="{link(page, PAGE)}?{query(entry)}">Change it in the playground</a></p>']
            * playground
        ),
        f"<h2>Text, with sizes of {name}</h2>",
        text,
        "<h2>Layers</h2>",
        f'<div class="scroll layers" tabindex="0" role="region" aria-label="Layers">\n'
        f"{summary(entry.network, 'html')}</div>",
        "<h2>Graph</h2>",
        graph,
    ]
    return SitePage(page, entry.name, "\n".join(parts))


def query(entry: ZooNet) -> str:
    """The query by which the playground opens a net."""
    return escape(urlencode({"zoo": entry.file.name, "net": entry.name}, safe="/"))


def others(entry: ZooNet, siblings: Sequence[ZooNet]) -> list[str]:
    """The other nets of a file, where there are any."""
    found = [each for each in siblings if each.name != entry.name]
    links = (f'<a href="{link(entry.path, each.path)}">{escape(each.name)}</a>' for each in found)
    return [f"<p>In the same file: {', '.join(links)}</p>"] if found else []


def blocks_page(file: Shipped) -> SitePage:
    """The page of a file of the library, whose blocks nets use."""
    name = escape(f"{file.name}.cnn")
    parts = [
        f"<h1>{name}</h1>",
        f"<p>{escape(file.about)}</p>",
        listing(source_of(file.name).text, name=f"{file.name}.cnn"),
    ]
    return SitePage(f"zoo/{file.name}.html", file.name, "\n".join(parts))


def index_page(found: Sequence[Sequence[ZooNet]], blocks: Sequence[Shipped]) -> SitePage:
    """All nets, a card a file, and the files of blocks."""
    rows = "\n".join(
        f'<li><a href="{link(INDEX, f"zoo/{file.name}.html")}">{escape(file.name)}.cnn</a>: '
        f"{escape(file.about)}</li>"
        for file in blocks
    )
    parts = [
        "<h1>The zoo</h1>",
        "<p>Networks that ship with cnnspec, each a file to copy from.</p>",
        # `lenet`, and `tutorial/…`.
        cards([nets for nets in found if "/" not in nets[0].file.name]),
        "<h2>Nets of the tutorial</h2>",
        cards([nets for nets in found if "/" in nets[0].file.name]),
        "<h2>Blocks</h2>",
        f"<p>What a file may <code>use</code>:</p>\n<ul>\n{rows}\n</ul>",
    ]
    return SitePage(INDEX, "The zoo", "\n".join(parts))


def cards(found: Sequence[Sequence[ZooNet]]) -> str:
    return "\n".join(['<ul class="cards">', *map(card, found), "</ul>"])


def card(nets: Sequence[ZooNet]) -> str:
    first = nets[0]
    links = (
        f'<a href="{link(INDEX, each.path)}" title="{escape(each.figures)}">{escape(each.name)}</a>'
        for each in nets
    )
    return (
        f"<li>{image(INDEX, first, 'volume', f'{first.name}, its feature maps')}"
        f"<strong>{', '.join(links)}</strong>\n<p>{escape(first.file.about)}</p></li>"
    )
