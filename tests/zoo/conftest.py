"""Fixtures of the zoo's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.zoo.shipped import load, network


@pytest.fixture(scope="package")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """The class emitted for a net of the zoo; parameters and input as for shipped.network."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on small images threads only wait for each other
    folder = tmp_path_factory.mktemp("emitted")
    made: dict[str, Any] = {}

    def build(net: str, parameters: dict[str, Any] | None = None, input: str = "") -> Any:  # noqa: A002
        key = f"{net} {parameters} {input}"
        if key not in made:
            made[key] = load(network(net, parameters or {}, input), folder)
        return made[key]

    yield build
    torch.set_num_threads(threads)
