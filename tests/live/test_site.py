"""`cnnspec site`: what its pages hold and lead to, and which folders it leaves alone."""

from __future__ import annotations

import posixpath
import re
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from cnnspec.compiler import check_text
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.graphviz_engine import wheel
from cnnspec.draw.graph.layout import lay_out
from cnnspec.draw.look import Look
from cnnspec.draw.page.colours import CODED, painted
from cnnspec.draw.theme import THEMES
from cnnspec.live.site import zoo
from cnnspec.live.site.frame import SitePage, link, listing
from cnnspec.live.site.playground import PAGE
from cnnspec.live.site.prose import prose_page
from cnnspec.live.site.site_plan import SitePlan, plan, texts
from cnnspec.live.site.target import LIST, write_site
from cnnspec.text.files import FileProblem
from cnnspec.text.shipped import defined_by, find, names, source_of

TAG = re.compile(r"<[^>]*>")
SIZE = re.compile(r'<span class="size">[^<]*</span>')
WAY = re.compile(r'(?:href|src|srcset)="([^"]*)"')


@pytest.mark.parametrize(
    ("start", "end", "way"),
    [
        ("index.html", "zoo/index.html", "zoo/index.html"),
        ("zoo/index.html", "index.html", "../index.html"),
        ("zoo/lenet/LeNet5.html", "zoo/lenet/LeNet5.svg", "LeNet5.svg"),
        ("zoo/lenet/LeNet5.html", "zoo/unet/UNet.html", "../unet/UNet.html"),
        ("zoo/lenet/LeNet5.html", "faults/E0101.html", "../../faults/E0101.html"),
    ],
)
def test_links_are_relative(start: str, end: str, way: str) -> None:
    assert link(start, end) == way
    assert posixpath.normpath(posixpath.join(posixpath.dirname(start), way)) == end


def test_a_listing_is_its_text_and_sizes_are_no_part_of_it() -> None:
    for name in names():
        text = source_of(name).text
        lines = text.rstrip("\n").split("\n")
        sizes = dict.fromkeys(range(1, len(lines) + 1), "<6>")
        made = listing(text, sizes)
        assert unescape(TAG.sub("", SIZE.sub("", made))) == text.rstrip("\n")
        assert [line.endswith("→ <6>") for line in unescape(TAG.sub("", made)).split("\n")] == [True] * len(
            lines
        )


def test_a_listing_colours_words_by_what_they_are() -> None:
    made = listing("net N { conv 6@5x5 }  # <b>\n")
    assert '<span class="keyword">net</span> <span class="definition">N</span>' in made
    assert '<span class="layer">conv</span>' in made and '<span class="comment"># &lt;b&gt;</span>' in made


@pytest.fixture(scope="module")
def pages() -> tuple[SitePlan, list[SitePage]]:
    whole = plan()
    return whole, list(texts(whole))


def test_all_links_of_the_documents_lead_to_pages_and_headings(
    pages: tuple[SitePlan, list[SitePage]],
) -> None:
    whole, found = pages
    anchors = {page.path: set(re.findall(r'id="([^"]*)"', page.body)) for page in found}
    known = {*whole.pages().values(), *anchors}
    count = 0
    assert "tutorial.html" in anchors
    for page in found:
        assert "<span>" not in page.body, f"{page.path}: a link leads out of the site"
        for way in WAY.findall(page.body):
            if way.startswith("https://"):
                continue
            file, _, part = unescape(way).partition("#")
            path = (
                posixpath.normpath(posixpath.join(posixpath.dirname(page.path), file)) if file else page.path
            )
            assert path in known, f"{page.path}: {way}"
            assert not part or part in anchors[path], f"{page.path}: {way}"
            count += 1
    assert count > 100


def test_markdown_brings_no_tags_and_examples_are_coloured() -> None:
    text = "# A `b`\n\n<script>x</script> [n](n.md) [m](m.md#p) ![i](i.png) ![j](m.md)\n\n"
    text += "```cnn wrong=E0403\nrelu\n```\n\n# A b\n"
    page = prose_page(text, "grammars/README.md", "x/y.html", {"grammars/m.md": "m.html"})
    assert page.title == "A b" and "<script>" not in page.body
    assert '<span>n</span> <a href="../m.html#p">m</a> i <img src="../m.html" alt="j" />' in page.body
    assert 'id="a-b"' in page.body and 'id="a-b-1"' in page.body
    assert '<div class="wrong">' in page.body and '<span class="layer">relu</span>' in page.body


def test_sizes_are_those_of_the_net_in_view() -> None:
    entries = zoo.entries(defined_by("resnet"), ["ResNet18", "ResNet50"])
    sizes = [set(entry.sizes.values()) for entry in entries]
    assert "512@7x7" in " ".join(sizes[0]) and "2048@7x7" in " ".join(sizes[1])
    assert [entry.figures.split()[2] for entry in entries] == ["1000,"] * 2


@pytest.mark.slow
def test_a_graph_that_is_laid_out_once_is_that_of_each_theme() -> None:
    network = check_text("net N { input 1@28x28, conv 6@5x5, relu, flatten, linear 9 }").networks[0]
    diagram, draw = simplify(network), wheel()
    coded = lay_out(diagram, Look(theme=CODED), draw=draw).svg
    for name in zoo.COLOURS:
        theme = THEMES[name]
        drawn = lay_out(diagram, Look(theme=theme), draw=draw).svg
        assert painted(coded, theme).lower() == drawn.lower()


# The folder

FILES = {"index.html": b"1", "zoo/a.html": b"2"}


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_site_replaces_the_one_before_it(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "site"
    write_site(root, FILES)
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("mine")
    write_site(root, {"index.html": b"3"})
    found = contents(root)
    assert found.pop(".git/HEAD") == b"mine" and found.pop(LIST)
    assert found == {"index.html": b"3"} and not (root / "zoo").exists()


def stranger(root: Path) -> None:
    (root / "zoo" / "mine.txt").write_text("mine")


def edited(root: Path) -> None:
    (root / "index.html").write_text("mine")


def linked(root: Path) -> None:
    (root / "index.html").unlink()
    (root / "index.html").symlink_to(root / "zoo" / "a.html")


def unlisted(root: Path) -> None:
    (root / LIST).unlink()


@pytest.mark.parametrize("spoil", [stranger, edited, linked, unlisted])
def test_a_folder_that_holds_what_others_wrote_is_left_alone(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    write_site(tmp_path / "site", FILES)
    spoil(tmp_path / "site")
    before = contents(tmp_path)
    with pytest.raises(FileProblem, match=r"holds .*, which this command did not write"):
        write_site(tmp_path / "site", {"index.html": b"3"})
    assert contents(tmp_path) == before


def test_a_site_whose_writing_was_cut_off_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_site(tmp_path, FILES)
    newer = {"index.html": b"3", "zoo/b.html": b"4"}
    with monkeypatch.context() as patch:
        patch.setattr("cnnspec.live.site.target.remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_site(tmp_path, newer)
    assert len(contents(tmp_path)) == 4
    write_site(tmp_path, newer)
    found = contents(tmp_path)
    assert found.pop(LIST).count(b"\n") == 2 and found == newer


# The command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["file.txt"], "is a file, and a site is a folder"),
        (["."], "holds file.txt"),
        (["new", "--only", "ResNet19"], "did you mean `ResNet1"),
    ],
)
def test_wrong_calls_draw_nothing(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("mine")
    result = CliRunner().invoke(main, ["site", *arguments])
    assert result.exit_code == 2 and words in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.slow
def test_a_site_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        arguments = ["site", str(tmp_path / name), "--only", "Blur", "--only", "lenet"]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0 and ": 2 nets, " in result.output
    made = contents(tmp_path / "a")
    assert made == contents(tmp_path / "b")
    assert (
        find("Blur").file == "edges" and "zoo/edges/Blur.html" in made and "zoo/edges/Edges.html" not in made
    )
    for path, content in made.items():
        if path.endswith(".html"):
            text = content.decode()
            assert path == PAGE or not re.search(
                r'<(?:script|iframe)|\bstyle="| on\w+="|(?:src|srcset)="\w+:', text
            ), path
            for way in re.findall(r'<(?:img|source|a)[^>]*(?:href|src|srcset)="([^"#:?]+)[#"?]', text):
                assert posixpath.normpath(posixpath.join(posixpath.dirname(path), way)) in made, (path, way)
