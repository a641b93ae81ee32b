"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import random
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

settings.register_profile("here", deadline=None)  # no clock decides a test
settings.register_profile("ci", deadline=None, derandomize=True)  # nor does chance
settings.load_profile("ci" if "CI" in os.environ else "here")

if "PYTEST_XDIST_WORKER" in os.environ:  # each core has a worker of its own
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """What cnnspec keeps in a user's cache, it keeps in pytest's."""
    if getattr(config, "cache", None) is not None:  # pytest may run without its plugin
        os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("home"))


SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow", re.MULTILINE)

HEAVY = ("torch", "numpy", "sklearn", "PIL")
LATER = "tests.zoo.shipped"  # imports them when called


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where PyTorch or NumPy is not installed, the tests that need neither are run.

    The quick set does not even read a file that is slow as a whole: collecting takes a third of its time.
    """
    if collection_path.suffix != ".py":
        return None
    if config.getoption("markexpr") == "not slow" and SLOW.search(collection_path.read_text("utf-8")):
        return True
    return True if not all(map(find_spec, HEAVY)) and is_heavy(collection_path) else None


@cache
def is_heavy(file: Path) -> bool:
    """Whether a module needs them, or one of the tests' own modules that it imports."""
    found = re.findall(r"^(?:from|import) ([\w.]+)(?: import (.+))?", file.read_text("utf-8"), re.MULTILINE)
    modules = [name for name, _ in found]
    modules += [f"{name}.{part.strip()}" for name, parts in found for part in parts.split(",")]
    own = [TESTS.parent / f"{name.replace('.', '/')}.py" for name in modules if name.startswith("tests.")]
    return any(name.partition(".")[0] in HEAVY or name == LATER for name in modules) or any(
        is_heavy(path) for path in own if path.exists()
    )


@pytest.fixture(autouse=True)
def one_start_for_all_chance() -> None:
    """What a test draws depends neither on the tests before it nor on the process that it is in."""
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def torchvision() -> Any:
    """torchvision, on machines too where its compiled operators do not match the build of torch.

    Its Python half, the models, needs none of them; it only registers shapes for two of them on import.
    """
    torch = pytest.importorskip("torch")
    try:
        import torchvision
    except RuntimeError:  # an operator does not exist
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision._kept = library  # the definitions live as long as this object
    return torchvision
