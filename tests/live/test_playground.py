"""The playground of `cnnspec site`: what Python is given there, and the page in a browser."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnspec.live.site.playground import PAGE, archive, asset, licence, manifests, modules, playground
from cnnspec.live.site.playground import page as page_of
from cnnspec.text.files import FileProblem
from tests.draw.browser import BROWSER, DRIVER, Browser, browser
from tests.live.editor import has, replace, text, until
from tests.live.host import hosted

NET = "net N {\n    input 1@28x28\n    conv 6@5x5, relu\n    maxpool 2x2\n}\n"
ASKS = """
import json, sys
sys.path[:] = [*sys.path[1:], sys.argv[1]]
from cnnspec.live.serve.browser import Browser
def render(source):
    raise RuntimeError("no Graphviz")
page = Browser(render)
for what, asked in json.load(sys.stdin):
    print(page.answer(what, json.dumps(asked)))
assert not {"click", "wasmtime", "rich", "markdown_it"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Python has in the playground."""
    root = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(io.BytesIO(archive())) as held:
        held.extractall(root)
    return root


def test_the_archive_is_all_that_python_needs(package: Path) -> None:
    text = {"name": "net.cnn", "text": NET, "net": ""}
    blocks = {
        "name": "b.cnn",
        "text": 'use "blocks/residual.cnn"\nnet M { input 64@8x8, Basic 64 }',
        "net": "",
    }
    asks = [
        ("compile", text),
        ("finish", text | {"text": NET.replace("relu", "rleu")}),
        ("paint", text | {"view": "volume", "theme": "dark"}),
        ("paint", text | {"view": "graph", "theme": "light"}),
        ("compile", blocks),
        ("zoo", {"name": "net.cnn", "net": "lenet"}),
    ]
    command = [sys.executable, "-I", "-S", "-c", ASKS, str(package)]
    done = subprocess.run(command, input=json.dumps(asks), capture_output=True, text=True, env={"PATH": ""})
    assert done.returncode == 0, done.stderr
    compiled, completed, volume, graph, used, copied = map(json.loads, done.stdout.splitlines())
    assert [size["text"] for size in compiled["sizes"]] == ["6@24x24", "6@12x12"]
    assert completed["faults"][0]["fixes"][0]["edits"][0]["text"] == "relu"
    assert "<svg" in volume["picture"] and "no Graphviz" in graph["problem"]
    assert used["facts"].startswith("64@8x8 -> 64@8x8") and used["faults"] == []
    assert copied["text"].startswith("# LeNet-5")


def test_the_archive_is_the_same_each_time_and_says_whose_work_it_holds() -> None:
    made = archive()
    assert made == archive()
    with zipfile.ZipFile(io.BytesIO(made)) as held:
        names = set(held.namelist())
    assert {"cnnspec/grammars/cnn.lark", "cnnspec/specs/blocks/residual.cnn", "lark/lark.py"} <= names
    assert not any("__pycache__" in name or "node_modules" in name for name in names)
    assert {name.split("-")[0] for name in names if name.endswith("METADATA")} == {"lark", "graphviz"}


def test_npm_has_to_have_made_what_the_manifest_names(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"viz/package.json: No such file"):
        manifests(tmp_path)
    for name, version in json.loads(asset("package.json"))["dependencies"].items():
        (tmp_path / name).mkdir(parents=True)
        said = {"name": name, "version": version, "license": "MIT", "repository": {"url": "https://a.b"}}
        (tmp_path / name / "package.json").write_text(json.dumps(said))
    assert licence(manifests(tmp_path)[1]) == "pyodide 314.0.7, MIT, https://a.b\n"
    (tmp_path / "pyodide" / "package.json").write_text('{"version": "0.1"}')
    with pytest.raises(FileProblem, match=r"pyodide: is not pyodide \d"):
        next(playground(tmp_path))


def test_the_lock_names_the_versions_of_the_manifest_and_their_licences() -> None:
    manifest, lock = json.loads(asset("package.json")), json.loads(asset("package-lock.json"))
    locked = {name.removeprefix("node_modules/"): each for name, each in lock["packages"].items() if name}
    for name, version in manifest["dependencies"].items():
        assert locked[name]["version"] == version and locked[name]["license"]
        assert locked[name]["integrity"].startswith("sha512-")


# In a browser

needed = pytest.mark.skipif(
    not (BROWSER and DRIVER and modules()), reason="needs chromium, chromedriver, and what npm makes"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """A browser, and the address of a playground that a host has in a folder."""
    root, made = tmp_path_factory.mktemp("host"), modules()
    assert made is not None
    for path, content in playground(made):
        file = root / "some" / "folder" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    with hosted(root) as host, browser() as found:
        found.size(1300, 900)
        yield found, f"{host}/some/folder/{PAGE}"


@needed
@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_one_types_and_sees_sizes_faults_and_pictures(page: tuple[Browser, str]) -> None:
    reader, address = page
    reader.ask("POST", "/url", {"url": f"{address}?zoo=resnet&net=ResNet18"})
    until(reader, "return document.getElementById('facts').textContent.includes('11,689,512 parameters')")
    until(reader, "return document.getElementById('image').naturalWidth > 0")
    reader.run("document.getElementById('save').disabled || document.getElementById('save').click()")

    reader.ask("POST", "/url", {"url": address})
    until(reader, "return document.getElementById('facts').textContent.includes('61,706 parameters')")
    until(reader, "return document.getElementById('image').alt.startsWith('Picture of LeNet5: 1@28x28')")
    replace(reader, "linear 84", "linaer 85")
    until(reader, "return document.querySelectorAll('#faults .fixes button').length")
    assert reader.run("return document.getElementById('count').textContent") == "1 error"
    reader.click("#faults .fixes button")
    until(reader, has(".size", "→ 85"))
    until(reader, "return document.getElementById('count').textContent === 'no faults'")
    assert "linear 85, tanh" in text(reader)
    reader.click("[name=view][value=volume]")
    until(reader, "return document.getElementById('table').textContent.includes('10,285')")
    reader.run("document.getElementById('link').click()")
    until(reader, "return location.hash.startsWith('#text=')")
    shared = reader.run("return location.href")
    assert reader.complaints() == []
    reader.run("window.onbeforeunload = null; document.getElementById('save').click()")
    assert reader.run("return document.getElementById('state').textContent") == "saved"
    reader.ask("POST", "/url", {"url": "about:blank"})
    reader.ask("POST", "/url", {"url": shared})
    until(reader, "return text().includes('linear 85, tanh')")


MORTAL = """
const born = String(Math.random());
let kept = "";
addEventListener("securitypolicyviolation", ({ violatedDirective }) => (kept = violatedDirective));
fetch("http://127.0.0.1:1/").catch(() => {});
addEventListener("message", ({ data: { number, asked } }) => {
    if (JSON.parse(asked).text.includes("deep")) return postMessage({ number, problem: "gone", died: true });
    const nothing = { nets: [], net: "", parameters: {}, sizes: [], faults: [], offers: [], from: 0 };
    const said = { table: "", problem: "", refused: "", facts: `${born} ${kept}` };
    const answer = JSON.stringify({ ...nothing, ...said });
    setTimeout(() => postMessage({ number, answer }), 50);
});
"""


@pytest.mark.slow
@pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")
@pytest.mark.xdist_group("browser")
def test_a_text_that_ends_python_ends_it_once(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(page_of())
    (tmp_path / "worker.js").write_text(MORTAL)
    with hosted(tmp_path) as host, browser() as reader:
        reader.ask("POST", "/url", {"url": f"{host}/index.html"})
        facts = "return document.getElementById('facts').textContent"
        first = until(reader, facts + ".match(/^0.* connect-src/)?.[0]")  # the policy holds in the worker
        reader.run(
            "window.begun = 0;"
            "window.Worker = class extends Worker { constructor(...a) { super(...a); window.begun++; } };"
        )
        replace(reader, "flatten", "deep")
        until(reader, has("#state", "goes too deep for Python in a browser"))
        replace(reader, "deep", "flatten")
        assert reader.run("return window.begun") == 1
        second = until(reader, facts + f".match(/^0.* connect-src/)?.[0] !== '{first}' && document.title")
        assert second == "lenet.cnn"
        until(reader, has("#state", "saved"))
        complaints = [each for each in reader.complaints() if "Content Security Policy" not in each]
        assert complaints == []


@needed
@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_page_that_is_opened_as_a_file_says_that_it_wants_a_host(
    page: tuple[Browser, str], tmp_path: Path
) -> None:
    reader, made = page[0], modules()
    assert made is not None
    (tmp_path / "index.html").write_bytes(dict(playground(made))[PAGE])
    reader.open(tmp_path / "index.html")
    until(reader, "return document.getElementById('state').textContent.includes('wants a host')")
    assert text(reader).startswith("# LeNet-5")
