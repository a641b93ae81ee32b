"""Fonts of the user: found by name and by file, and in every format of a picture."""

from __future__ import annotations

import io
import shutil
import struct
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from cnnspec.draw.formats import fonts
from cnnspec.draw.formats.fonts import Font, find_font, measure_in, packaged, set_in, table
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import Look, look_of
from cnnspec.draw.metrics import usual_width, width
from cnnspec.draw.picture import picture
from cnnspec.draw.svg import FAMILIES
from tests.draw.nets import golden

pytestmark = pytest.mark.slow

VERA = "Bitstream Vera Sans"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which one family is installed, and a file that is no font."""
    folder = tmp_path / "deep" / "fonts"
    folder.mkdir(parents=True)
    for file in (packaged().plain, packaged().bold):
        shutil.copy(file, folder)
    (folder / "a.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "folders", lambda: [tmp_path / "none", tmp_path])
    return folder


def test_a_family_is_found_by_its_name(installed: Path) -> None:
    plain, bold = str(installed / "Vera.ttf"), str(installed / "VeraBd.ttf")
    assert find_font("bitstream vera sans") == Font("bitstream vera sans", plain, bold)
    with pytest.raises(DrawProblem, match="no family 'Vera' is installed"):
        find_font("Vera")


def test_a_file_is_a_font_with_the_bold_one_beside_it(installed: Path) -> None:
    plain, bold = installed / "Vera.ttf", installed / "VeraBd.ttf"
    assert find_font(str(plain)) == Font(VERA, str(plain), str(bold))
    bold.unlink()
    assert find_font(str(plain)) == Font(VERA, str(plain), str(plain))


@pytest.mark.parametrize(
    "content", [b"", b"no font", b"\0\1\0\0\0\1" + bytes(6) + b"name" + bytes(4) + b"\0\0\0\x1c\0\0\xff\xff"]
)
def test_what_is_no_font_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.TTF"
    with pytest.raises(DrawProblem, match="No such file"):
        find_font(str(file))
    file.write_bytes(content)
    with pytest.raises(DrawProblem, match="is no TrueType or OpenType font"):
        find_font(str(file))


def test_a_family_is_quoted_and_nothing_else_reaches_the_page() -> None:
    page = set_in(f'<svg font-family="{FAMILIES}"/>', 'A&B\' x="1" \\\n<b>')
    assert ElementTree.fromstring(page).attrib == {"font-family": f"'A&B x=1 <b>',{FAMILIES}"}


@pytest.mark.parametrize("view", ["graph", "volume"])
def test_every_format_is_set_in_it(installed: Path, view: str) -> None:
    import reportlab

    net, usual = golden("lenet"), Look(view=view)
    signet = Path(reportlab.__file__).parent / "fonts" / "VeraBI.ttf"  # no other text is bold and slanted
    look = usual._replace(font=str(signet))
    page = picture(net, ".svg", look).content.decode()
    assert page.count(f"'{VERA}',{FAMILIES}") == page.count(FAMILIES) > 0
    assert b"BitstreamVeraSans-BoldOblique" in picture(net, ".pdf", look).content
    assert b"Oblique" not in picture(net, ".pdf", usual).content
    slanted, upright = (
        Image.open(io.BytesIO(picture(net, ".png", each).content))
        for each in (usual._replace(font=VERA), usual)
    )
    assert slanted.size == upright.size


def test_volumes_are_as_far_apart_as_the_letters_of_a_file_need(tmp_path: Path) -> None:
    """In a font twice as wide as the usual one no words stand on others."""
    usual, broad = Path(packaged().plain), tmp_path / "broad.ttf"
    hmtx, content = table(usual, b"hmtx"), usual.read_bytes()
    doubled = b"".join(
        struct.pack(">Hh", 2 * advance, side) for advance, side in struct.iter_unpack(">Hh", hmtx)
    )
    broad.write_bytes(content.replace(hmtx, doubled))
    with measure_in(str(broad)):
        assert width("6@28x28", 10.0) == pytest.approx(2 * usual_width("6@28x28", 10.0, False), rel=0.01)
    page = picture(golden("lenet"), ".svg", Look(view="volume", font=str(broad))).content
    lines: dict[str | None, list[tuple[float, float]]] = {}
    for text in ElementTree.fromstring(page).iter("{http://www.w3.org/2000/svg}text"):
        half = usual_width(str(text.text), float(text.attrib["font-size"]), False)
        if text.get("text-anchor") == "middle":
            lines.setdefault(text.get("y"), []).append((float(text.attrib["x"]), half))
    beside = [pair for line in lines.values() for pair in pairwise(sorted(line))]
    assert len(beside) > 3
    assert all(b - a > left + right for (a, left), (b, right) in beside)


def test_a_graph_in_dot_names_it() -> None:
    text = picture(golden("lenet"), ".dot", look_of(font="Foo Sans")).content.decode()
    assert 'fontname="Foo Sans"' in text
    assert "DejaVu" not in text


def test_a_font_without_true_type_outlines_is_refused_for_pdf(installed: Path) -> None:
    broken = installed / "Vera.ttf"
    broken.write_bytes(b"OTTO" + broken.read_bytes()[4:])
    with pytest.raises(DrawProblem, match=r"Vera\.ttf cannot stand in a PDF"):
        picture(golden("lenet"), ".pdf", Look(view="volume", font=str(broken)))


@pytest.mark.parametrize("suffix", [".html", ".tex"])
def test_what_has_a_font_of_its_own_takes_no_other(suffix: str) -> None:
    with pytest.raises(DrawProblem, match="no font"):
        picture(golden("lenet"), suffix, look_of(font="Foo"))


def test_a_character_that_a_font_lacks_has_glyph_0() -> None:
    """OpenType, table `cmap`, format 4: the delta is added to glyphs that are there."""
    ends, starts, deltas, offsets, listed = (66, 0xFFFF), (65, 0xFFFF), (10, 1), (4, 0), (0, 5)
    lists = struct.pack(">2HH2H2H2H2H", *ends, 0, *starts, *deltas, *offsets, *listed)
    part = struct.pack(">7H", 4, 14 + len(lists), 0, 4, 0, 0, 0) + lists
    found = dict(fonts.glyphs(struct.pack(">2H2HI", 0, 1, 3, 1, 12) + part))
    assert (found[65], found[66]) == (0, 15)
