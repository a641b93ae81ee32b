"""Which pages and pictures there are, each made when its turn comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

import cnnspec
from cnnspec.draw.graph.graphviz_engine import wheel
from cnnspec.faults.explain import codes, markdown
from cnnspec.live.site import zoo
from cnnspec.live.site.frame import NavigationLink, SitePage, asset, frame_page, link, listing
from cnnspec.live.site.playground import PAGE, modules, playground
from cnnspec.live.site.prose import prose_page
from cnnspec.text.resources import folder
from cnnspec.text.shipped import Shipped, defined_by, find, shipped, source_of

DOCUMENTS = {
    "tutorial": ("Tutorial", "grammars/tutorial.md"),
    "language": ("Language", "grammars/README.md"),
    "editors": ("Editors", "grammars/editors.md"),
}
"""By their names in the site: what the head of the page calls them, and where they lie in the repository."""

FIGURES = "specs/figures/tutorial"
"""Pictures that documents show."""

PLAIN = ("grammars/cnn.lark", "grammars/prototxt.lark", "cnnspec/faults/reports/check.schema.json")
"""Texts that documents link to, shown as they are."""

PACKAGE = Path(cnnspec.__file__).parent
FAULTS = "faults/index.html"
IMPORTING = "E10"  # begins the codes whose examples are modules that an import reads
HERO = "LeNet5"


class SitePlan(NamedTuple):
    """What a site is to hold: nets by their files, the files of blocks, documents by their names."""

    nets: dict[Shipped, list[str]]
    blocks: list[Shipped]
    documents: dict[str, str]
    modules: Path | None = None  # what npm made for the playground

    def net_pages(self) -> set[str]:
        """The paths of the pages of nets, which take all the time."""
        return {f"{zoo.stem(file, name)}.html" for file, names in self.nets.items() for name in names}

    def navigation(self) -> list[NavigationLink]:
        found = [NavigationLink("Zoo", zoo.INDEX)]
        found += [NavigationLink("Playground", PAGE)] if self.modules else []
        found += [NavigationLink(DOCUMENTS[name][0], f"{name}.html") for name in self.documents]
        return [*found, NavigationLink("Faults", FAULTS)]

    def pages(self) -> dict[str, str]:
        """The paths of what texts may link to, by those in the repository."""
        found = {"specs": zoo.INDEX}
        found |= {
            f"specs/{file.name}.cnn": f"{zoo.stem(file, names[0])}.html" for file, names in self.nets.items()
        }
        found |= {f"specs/{file.name}.cnn": f"zoo/{file.name}.html" for file in self.blocks}
        found |= {DOCUMENTS[name][1]: f"{name}.html" for name in self.documents}
        found |= {source: plain_path(source) for source in PLAIN}
        found |= {f"{FIGURES}/{path.name}": f"figures/{path.name}" for path in where(FIGURES).glob("*")}
        return found | {f"cnnspec/faults/explain/{code}.md": fault_path(code) for code in codes()}


def plan(wanted: Sequence[str] = ()) -> SitePlan:
    """A site of all that ships, or of the files and nets of those names alone. Raises FileProblem."""
    found = list(shipped())
    blocks = [file for file in found if file.name.startswith("blocks/")]
    nets = {file: list(file.defines) for file in found if file not in blocks}
    if wanted:
        named = [find(name) for name in wanted]
        # {resnet: ["ResNet18", "ResNet50"]}; a None among them stands for the file itself: all its nets.
        kept = {defined_by(each.file): [n.net for n in named if n.file == each.file] for each in named}
        nets = {
            file: [name for name in file.defines if None in kept[file] or name in kept[file]]
            for file in nets
            if file in kept
        }
    texts = {name: where(source) for name, (_, source) in DOCUMENTS.items()}
    documents = {name: path.read_text("utf-8") for name, path in texts.items() if path.is_file()}
    return SitePlan(nets, blocks, documents, modules())


def files(wanted: SitePlan) -> Iterator[tuple[str, bytes]]:
    """The paths and contents of all files; a net's own come one after the other.

    Raises DrawProblem, FileProblem.
    """
    if wanted.modules:  # first, since it may be refused
        yield from playground(wanted.modules)
    navigation = wanted.navigation()
    found = []
    draw = wheel()
    for file, names in wanted.nets.items():
        nets = zoo.entries(file, names)
        found.append(nets)
        for entry in nets:
            for path, svg in zoo.pictures(entry, draw):
                yield path, svg.encode()
            yield entry.path, frame_page(zoo.net_page(entry, nets, wanted.modules is not None), navigation)
    pages = [
        home_page(found, wanted.modules is not None),
        zoo.index_page(found, wanted.blocks),
        *map(zoo.blocks_page, wanted.blocks),
    ]
    for page in [*pages, *texts(wanted), *map(plain_page, PLAIN)]:
        yield page.path, frame_page(page, navigation)
    for picture in sorted(where(FIGURES).glob("*")):
        yield f"figures/{picture.name}", picture.read_bytes()


def texts(wanted: SitePlan) -> Iterator[SitePage]:
    """The documents, and the pages of faults."""
    pages = wanted.pages()
    for name, text in wanted.documents.items():
        yield prose_page(text, DOCUMENTS[name][1], f"{name}.html", pages)
    rows = []
    for code in codes():
        source = f"cnnspec/faults/explain/{code}.md"
        page = prose_page(
            markdown(code), source, fault_path(code), pages, "python" if code.startswith(IMPORTING) else "cnn"
        )
        rows.append(f'<li><a href="{link(FAULTS, page.path)}">{escape(page.title)}</a></li>')
        yield page
    head = "<h1>Faults</h1>\n<p>What cnnspec reports, each with an example.</p>"
    yield SitePage(FAULTS, "Faults", "\n".join([head, "<ul>", *rows, "</ul>"]))


def fault_path(code: str) -> str:
    return f"faults/{code}.html"


def plain_page(source: str) -> SitePage:
    """A text as it is."""
    path, name = plain_path(source), source.rpartition("/")[2]
    text = escape(where(source).read_text("utf-8"))
    body = f'<h1>{name}</h1>\n<pre tabindex="0" role="region" aria-label="{name}"><code>{text}</code></pre>'
    return SitePage(path, name, body)


def plain_path(source: str) -> str:
    return f"{source.rpartition('/')[2]}.html"


def where(source: str) -> Path:
    """Where a file of the repository lies, installed or not."""
    top, _, rest = source.partition("/")
    return PACKAGE / rest if top == "cnnspec" else folder(top) / rest


def home_page(found: Sequence[Sequence[zoo.ZooNet]], playable: bool) -> SitePage:
    """The first page, which shows LeNet, else another net. `playable`: the site has a playground."""
    nets = [entry for nets in found for entry in nets]
    hero = next((entry for entry in nets if entry.name == HERO), nets[0])
    path = "index.html"
    body = Template(asset("home.html")).substitute(
        text=listing(source_of(hero.file.name).text, hero.sizes, f"{hero.file.name}.cnn"),
        picture=zoo.image(path, hero, "volume", f"{hero.name}, its feature maps"),
        net=link(path, hero.path),
        name=escape(hero.name),
        figures=escape(hero.figures),
        zoo=zoo.INDEX,
        playground=f' Change one in the <a href="{PAGE}">playground</a>.' if playable else "",
    )
    return SitePage(path, "cnnspec", body)
