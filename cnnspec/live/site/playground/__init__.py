"""The playground: the page of `cnnspec serve`, answered by the package itself in the reader's browser.

Pyodide, which is Python for browsers, and Viz.js, which is Graphviz for them, come from a folder that npm
makes of `package.json` beside this file; none of either is part of cnnspec.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from functools import partial
from html import escape
from importlib.metadata import distribution
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import cnnspec
from cnnspec.live.serve.page import fill_page, policy
from cnnspec.text.files import FileProblem
from cnnspec.text.resources import folder, read_asset
from cnnspec.text.shipped import source_of

asset = partial(read_asset, __package__)

PAGE = "playground/index.html"
START = "lenet"
HERE = Path(str(files(__package__)))
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
VIZ = "dist/viz.js"
NEEDED = ("lark", "graphviz")
"""What the package needs of others to check and to draw, as it is installed here."""

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that an archive knows


def modules() -> Path | None:
    """The folder of packages that npm made, where it did."""
    made = HERE / "node_modules"
    return made if made.is_dir() else None


def playground(modules: Path) -> Iterator[tuple[str, bytes]]:
    """The files of the playground; `modules` is the folder that npm made. Raises FileProblem."""
    packages = manifests(modules)
    yield PAGE, page()
    yield "playground/worker.js", asset("worker.js").encode()
    yield "playground/cnnspec.zip", archive()
    yield "playground/viz.js", content(modules / "@viz-js" / "viz" / VIZ)
    for name in PYODIDE:
        yield f"playground/pyodide/{name}", content(modules / "pyodide" / name)
    yield "playground/licences.txt", "".join(map(licence, packages)).encode()


def page() -> bytes:
    """The page, whose worker runs under the same policy: it loads from its own host, and nothing else."""
    engine = asset("engine.js")
    name = f"{START}.cnn"
    start = {"name": name, "text": source_of(START).text, "stamp": "", "names": [name]}
    rules = escape(policy(engine, "worker-src 'self' blob:", scripts=" 'self' 'wasm-unsafe-eval'"))
    head = f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
    head += '<link rel="license" href="licences.txt">\n'
    return fill_page(start, engine, head, '<a href="../index.html">cnnspec</a>').encode()


def manifests(modules: Path) -> list[dict[str, Any]]:
    """What the packages say of themselves. Raises FileProblem where they are others than we name."""
    found = []
    for name, version in json.loads(asset("package.json"))["dependencies"].items():
        try:
            found.append(json.loads(content(modules / name / "package.json")))
        except ValueError:
            found.append({})
        if found[-1].get("version") != version:
            raise FileProblem(f"{modules / name}: is not {name} {version}")
    return found


def licence(package: dict[str, Any]) -> str:
    """`pyodide 314.0.7, MPL-2.0, https://…`: whose work it is, and where its source lies."""
    repository = package.get("repository", "")
    source = repository.get("url", "") if isinstance(repository, dict) else repository
    return f"{package['name']} {package['version']}, {package.get('license', '')}, {source}\n"


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise FileProblem(f"{path}: {problem.strerror}") from None


def archive() -> bytes:
    """The package as a wheel holds it, and the packages that it needs, in one archive."""
    package = Path(cnnspec.__file__).parent
    held = {f"cnnspec/{name}": path for name, path in below(package)}
    for name, suffix in (("grammars", ".lark"), ("specs", ".cnn")):
        held |= {
            f"cnnspec/{name}/{each}": path for each, path in below(folder(name)) if path.suffix == suffix
        }
    for name in NEEDED:
        found = distribution(name)
        held |= {
            str(each): Path(str(each.locate())) for each in found.files or () if belongs_in_archive(str(each))
        }
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, path in sorted(held.items()):
            # Sorted, and of one date: the same files make the same bytes.
            target.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def below(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder, those aside that tools made."""
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and belongs_in_archive(name):
            yield name, path


def belongs_in_archive(name: str) -> bool:
    # A distribution lists its scripts, too, which lie outside: `../../../bin/…`.
    return not ({"__pycache__", "node_modules", "dist", ".."} & set(name.split("/"))) and not name.startswith(
        "/"
    )
