"""report.html: what it tells of a run is right, whole, escaped, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import re
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

np = pytest.importorskip("numpy")
from PIL import Image  # noqa: E402

from cnnspec.draw.theme import THEMES  # noqa: E402
from cnnspec.run import RunProblem  # noqa: E402
from cnnspec.train.report import write  # noqa: E402
from cnnspec.train.report.charts import Curve, confusion_matrix, curves, epoch_marks, ticks  # noqa: E402
from cnnspec.train.report.document import duration, page  # noqa: E402
from cnnspec.train.report.evidence import read_run  # noqa: E402
from cnnspec.train.report.pictures import LAYERS, examples, images_of, layers_shown, mistakes  # noqa: E402
from cnnspec.train.run_folder import Epoch, Predictions  # noqa: E402
from cnnspec.train.scores import Tally, among_top, tally  # noqa: E402
from tests.commands.calling import run as call  # noqa: E402
from tests.train.runs import NASTY, SPEC, predictions, run_folder  # noqa: E402

pytestmark = pytest.mark.slow

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
NAMES = ["cat", NASTY, "dog"]
LABELS, SAID = [0, 0, 0, 0, 1, 1, 2], [0, 0, 2, 2, 1, 0, 2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three classes, whose surest mistake is place 5."""
    return run_folder(tmp_path_factory.mktemp("run") / "r", NAMES, predictions(LABELS, SAID, 3), data=NASTY)


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    write(run)
    return (run / "report.html").read_text("utf-8")


def words(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_the_page_is_whole_and_loads_nothing(text: str) -> None:
    root = ElementTree.fromstring(text)
    heads = [words(head) for head in root.iter(f"{HTML}h2")]
    assert heads == [
        "Curves",
        "The surest mistakes",
        "Classes",
        "Confusions",
        "The first filters",
        "What layers make of an image",
        "How it was made",
    ]
    for kind in ("script", "iframe", "object", "form", "a"):
        assert not list(root.iter(f"{HTML}{kind}"))
    assert all(image.attrib["src"].startswith("data:image/png;base64,") for image in root.iter(f"{HTML}img"))
    assert not re.search(r"https?:", text.replace(HTML[1:-1], "").replace(SVG[1:-1], ""))
    (style,) = root.iter(f"{HTML}style")
    digest = base64.b64encode(hashlib.sha256((style.text or "").encode()).digest()).decode()
    rules = next(m.attrib["content"] for m in root.iter(f"{HTML}meta") if "http-equiv" in m.attrib)
    assert f"style-src 'sha256-{digest}'" in rules and "default-src 'none'" in rules and "script" not in rules
    assert not any("style" in element.attrib for element in root.iter()), "the policy forbids them"


def test_names_are_escaped_everywhere(text: str) -> None:
    """Of classes, of the data, of files, and the specification: as text, and none turns the line around."""
    assert "\u202e" not in text
    root = ElementTree.fromstring(text)
    shown = NASTY.replace("\u202e", r"\u{202e}")
    assert words(next(root.iter(f"{HTML}h1"))) == f"Small, trained on {shown}"
    assert shown in [words(cell) for cell in root.iter(f"{HTML}th")]
    assert any(f"val/{shown}.png" in words(caption) for caption in root.iter(f"{HTML}figcaption"))
    assert any(image.attrib["alt"] == f"an image of {shown}" for image in root.iter(f"{HTML}img"))
    assert words(next(root.iter(f"{HTML}pre"))).startswith("# </pre><script>alert(1)</script>\nnet Small")


def test_what_is_told_of_classes(text: str) -> None:
    root = ElementTree.fromstring(text)
    sections = {words(next(iter(part))): part for part in root.iter(f"{HTML}section")}
    rows = [[words(cell) for cell in row] for row in sections["Classes"].iter(f"{HTML}tr")][1:]
    assert [[row[1], row[2], row[4]] for row in rows] == [
        ["4", "50.0 %", "66.7 %"],
        ["2", "50.0 %", "100.0 %"],
        ["1", "100.0 %", "33.3 %"],
    ]
    rows = [[words(cell) for cell in row] for row in sections["Confusions"].iter(f"{HTML}tr")][1:]
    assert rows[0] == ["cat", "dog", "2 of 4"] and rows[1][1:] == ["cat", "1 of 2"] and len(rows) == 2
    verdict = words(next(root.iter(f"{HTML}header")))
    assert "After epoch 3 of 3, 57.1 % of the 7 validation images are classified correctly." in verdict


def test_the_surest_mistakes_come_first(run: Path, text: str) -> None:
    found = mistakes(images_of(read_run(run).predictions))
    assert [(each.label, each.said) for each in found] == [(1, 0), (0, 2), (0, 2)]
    section = next(
        part for part in ElementTree.fromstring(text).iter(f"{HTML}section") if "mistakes" in words(part)
    )
    captions = [words(caption) for caption in section.iter(f"{HTML}figcaption")]
    assert captions[0].startswith("says cat (84 %)is <script>") and captions[1].startswith(
        "says dog (73 %)is cat"
    )
    image = next(section.iter(f"{HTML}img")).attrib["src"].partition(",")[2]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))
    assert (pixels[:: 128 // 6, :: 128 // 6][:6, :6] == read_run(run).predictions.pictures[5, ..., 0]).all()


def test_the_same_run_makes_the_same_page(run: Path, text: str) -> None:
    assert page(read_run(run)) == text


def test_options_are_told_as_they_are_written(text: str) -> None:
    root = ElementTree.fromstring(text)
    listed = next(root.iter(f"{HTML}dl"))
    facts = dict(
        zip(*[[words(each) for each in listed.iter(f"{HTML}{kind}")] for kind in ("dt", "dd")], strict=True)
    )
    assert facts["ema"] == "no" and facts["augment"] == "flip" and "stop after" not in facts
    assert facts["net"] == "Small classes=3" and facts["time"] == "4 s"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (119.4, "119 s"), (120, "2 min"), (7199, "120 min"), (270_000, "75 h")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_without_weights_the_rest_is_told(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 1], 2))
    (folder / "best.safetensors").unlink()
    write(folder)
    text = (folder / "report.html").read_text("utf-8")
    assert "could not be run for this page" in text and "best.safetensors: no such file" in text
    assert "every image is right" in text and "<p>None.</p>" in text
    (folder / "small.cnn").write_text("net Small { input 1@6x6, conv 4@9x9 }")
    write(folder)
    assert "small.cnn: " in (folder / "report.html").read_text("utf-8")


def test_a_run_of_a_large_net_is_shown_where_its_bound_is_raised(tmp_path: Path) -> None:
    """As a net of six layers is where five are allowed."""
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 1], 2))
    assert report(folder, "--limit", "max_layers=3").exit_code == 0
    assert "could not be run for this page: small.cnn: " in (folder / "report.html").read_text("utf-8")
    assert report(folder, "--limit", "max_layers=9").exit_code == 0
    assert "could not be run" not in (folder / "report.html").read_text("utf-8")


def test_a_parameter_may_compare(tmp_path: Path) -> None:
    """`--set flag="1 == 1"` is split at its first `=`."""
    spec = SPEC.replace("classes", "flag=no, classes", 1)
    found = predictions([0, 1], [0, 1], 2)
    folder = run_folder(tmp_path / "r", ["a", "b"], found, spec=spec, parameters=["classes=2", "flag=1 == 1"])
    assert read_run(folder).lack == ""


def test_without_memory_for_layers_the_rest_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> None:
        raise MemoryError

    found = read_run(run)
    monkeypatch.setattr(found.runner, "run", give_up)
    text = page(found)
    assert "there is too little memory to keep" in text and "The first filters" in text


def test_images_of_another_size_are_not_run(tmp_path: Path) -> None:
    found = predictions([0, 1], [0, 1], 2, (5, 6, 1))
    text = page(read_run(run_folder(tmp_path / "r", ["a", "b"], found)))
    assert "the images that were kept are 1@5x6, the net&#x27;s input is 1@6x6" in text


@pytest.mark.parametrize("size", [(6, 6, 3), (6, 6, 5)])
def test_images_of_other_channels(size: tuple[int, int, int], tmp_path: Path) -> None:
    spec = SPEC.replace("1@6x6", f"{size[2]}@6x6").replace("mean=0.5 std=0.25", "")
    found = predictions([0, 1, 1], [0, 1, 0], 2, size)
    text = page(read_run(run_folder(tmp_path / "r", ["a", "b"], found, spec=spec)))
    assert text.count("<img") > 2
    assert "What layers make of an image" in text


def test_many_classes_are_bounded(tmp_path: Path) -> None:
    labels = list(range(300))
    said = [label + (label % 10 == 0) for label in labels]
    text = page(
        read_run(run_folder(tmp_path / "r", [f"class {i}" for i in labels], predictions(labels, said, 300)))
    )
    assert "These are the 60 worst of 300 classes." in text
    assert "The 30 of 300 classes with the most mistakes." in text
    assert text.count("<tr>") < 90 and len(text) < 1_000_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", None, "holds no run of `cnnspec train`"),
        ("config.json", b"{", "is no record of a run"),
        ("log.csv", None, "is no log of a run"),
        ("log.csv", b"epoch,loss\n1,2\n", "is no log of a run: its columns are not epoch,"),
        ("log.csv", b"", "is no log of a run"),
        ("predictions.npz", None, "no such file"),
        ("predictions.npz", b"PK", "cannot be read"),
        ("small.cnn", None, "lacks the specification small.cnn"),
    ],
)
def test_folders_that_hold_not_all_of_a_run(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 1], 2))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    called = report(folder)
    assert called.exit_code == 2 and said in called.stderr and len(called.stderr.splitlines()) == 1
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("name", ["config.json", "log.csv", "predictions.npz", "small.cnn"])
def test_a_pipe_in_the_folder_is_not_waited_for(name: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 1], 2))
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(RunProblem, match=f"{name}: is not a file"):
        read_run(folder)


def test_records_and_predictions_that_do_not_fit(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 2], [0, 1], 3))
    with pytest.raises(RunProblem, match="does not fit the 2 classes"):
        read_run(folder)
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(record | {"spec": "../secret.cnn"}))
    with pytest.raises(RunProblem, match="names a specification elsewhere"):
        read_run(folder)
    (folder / "log.csv").write_text("epoch,train_loss,train_accuracy,val_loss,val_accuracy,lr,seconds\n")
    (folder / "config.json").write_text(json.dumps(record))
    with pytest.raises(RunProblem, match="tells of no epoch yet"):
        read_run(folder)


def counted(*rows: list[int]) -> Tally:
    return Tally([chr(97 + i) for i in range(len(rows))], np.array(rows))


def test_counting() -> None:
    made = predictions([0, 0, 1], [1, 0, 1], 2)
    found = tally(made.scores, made.labels, ["a", "b"])
    assert found.matrix.tolist() == [[1, 1], [0, 1]] and (found.right, found.images) == (2, 3)
    three = counted([5, 2, 0], [0, 9, 1], [4, 0, 0])
    assert [(each.label, each.said, each.times, each.images) for each in three.confusions(2)] == [
        ("c", "a", 4, 4),
        ("a", "b", 2, 7),
    ]
    assert three.most_confused(2).names == ["a", "c"] and three.most_confused(2).matrix.tolist() == [
        [5, 0],
        [4, 0],
    ]
    assert [each.name for each in three.worst(2)] == ["c", "a"]
    assert [each.name for each in three.worst(3)] == ["a", "b", "c"]


def test_the_five_most_probable() -> None:
    """Of equal scores none is before the other."""
    scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]], np.float32)
    found = Predictions(
        np.array([0, 2, 1]), scores, np.array(["", "", ""]), np.array([], int), np.zeros((0, 1, 1, 1))
    )
    assert [among_top(found.scores, found.labels, top) for top in (1, 2, 3)] == [2, 2, 3]


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.43, 0.98, [0.4, 0.6, 0.8, 1]),
        (2, 2, [1, 1.5, 2, 2.5, 3]),
        (0, 0, [-1, -0.5, 0, 0.5, 1]),
        (1e-5, 9e-5, [0, 2e-5, 4e-5, 6e-5, 8e-5, 1e-4]),
        (-3, 2600, [-1000, 0, 1000, 2000, 3000]),
    ],
)
def test_ticks_are_round_and_hold_the_numbers(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(wanted)


def test_epochs_of_an_axis() -> None:
    assert epoch_marks(1, 5) == [1, 2, 3, 4, 5]
    assert len(epoch_marks(1, 1000)) <= 9 and epoch_marks(7, 7) == [7]


def drawn(epochs: list[int], *values: list[float]) -> ElementTree.Element:
    found = [Curve(f"curve {i}", each, dashed=i > 0) for i, each in enumerate(values)]
    return ElementTree.fromstring(curves("T", epochs, found, epochs[0], "{:g}".format, THEMES["light"]))


def test_curves_go_through_their_numbers() -> None:
    (line,) = drawn([1, 2, 3], [0.0, 1.0, 0.5]).iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y0 > y2 > y1
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.1)


def test_curves_without_all_their_numbers() -> None:
    root = drawn([1, 2, 3, 4], [1.0, math.nan, 2.0, 3.0], [math.inf] * 4)
    lines = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [1, 2] and "nan" not in str(lines)
    assert len(list(drawn([5], [0.3]).iter(f"{SVG}circle"))) == 1


def test_a_matrix_shows_its_counts_and_its_names() -> None:
    found = Tally(["a" * 50, NASTY], np.array([[12345, 1], [0, 7]]))
    root = ElementTree.fromstring(confusion_matrix(found, THEMES["light"]))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts.count("12k") == 1 and texts.count("7") == 1 and "0" not in texts
    assert f"{'a' * 15}…" in texts and "\u202e" not in "".join(map(str, texts))
    strong = {
        rect.attrib["fill"]: float(rect.attrib["fill-opacity"])
        for rect in root.iter(f"{SVG}rect")
        if "fill-opacity" in rect.attrib
    }
    assert strong[THEMES["light"].skip] < strong[THEMES["light"].quiet] <= 0.55
    assert "12352 of 12353" in root.attrib["aria-label"]


def test_layers_of_an_example_are_few(tmp_path: Path) -> None:
    steps = "\n".join("conv 4@3x3 pad=1, relu, dropout, maxpool 2x2 stride=1" for _ in range(8))
    spec = f"net Small(classes=2) {{\ninput 1@12x12\n{steps}\nflatten, linear classes }}"
    found = predictions([0, 1], [0, 1], 2, (12, 12, 1))
    runner = read_run(run_folder(tmp_path / "r", ["a", "b"], found, spec=spec)).runner
    assert runner is not None
    names = layers_shown(runner)
    assert len(names) == LAYERS and names[0] == "relu1" and names[-1] == "maxpool8"


def test_a_net_without_maps_has_no_examples(tmp_path: Path) -> None:
    spec = "net Small(classes=2) {\ninput 1@6x6\nflatten, linear 5, relu, linear classes }"
    found = read_run(run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 0], 2), spec=spec))
    assert found.runner is not None and examples(found.runner, images_of(found.predictions)) == []
    text = page(found)
    assert "linear1.weight: 5x36" in text and "What layers make" not in text


report = partial(call, "report")


def test_pictures_as_files(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    called = report(run, "--pictures", tmp_path / "p")
    assert called.exit_code == 0, called.output
    names = {path.name for path in (tmp_path / "p").iterdir()}
    charts = {
        f"{name}.{kind}"
        for name in ("loss", "accuracy", "learning-rate", "confusions")
        for kind in ("svg", "png")
    }
    assert names == charts | {"mistakes.png", "filters.png", *(f"features-{i}.png" for i in (1, 2, 3))}
    for path in (tmp_path / "p").iterdir():
        if path.suffix == ".svg":
            assert (
                "var(" not in path.read_text("utf-8") and ElementTree.parse(path).getroot().tag == f"{SVG}svg"
            )
        else:
            assert np.asarray(Image.open(path)).std() > 1
    assert report(run, "--pictures", tmp_path / "p").exit_code == 0, "what is ours is written again"
    (tmp_path / "p" / "loss.svg").write_text("mine")
    assert report(run, "--pictures", tmp_path / "p").exit_code == 2
    assert (tmp_path / "p" / "loss.svg").read_text() == "mine"


def test_what_makes_png_may_be_missing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    called = report(run, "--pictures", tmp_path / "p")
    assert called.exit_code == 2 and "pip install 'cnnspec[draw]'" in called.stderr
    assert (tmp_path / "p" / "loss.svg").exists() and (tmp_path / "p" / "mistakes.png").exists()


def test_a_diverging_run_is_told(tmp_path: Path) -> None:
    rows = [Epoch(1, math.nan, 0.5, math.inf, 0.5, 1.0, 1.0)]
    folder = run_folder(tmp_path / "r", ["a", "b"], predictions([0, 1], [0, 1], 2), rows)
    ElementTree.fromstring(page(read_run(folder)))
