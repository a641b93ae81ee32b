"""Drawn networks come back, flat and with blocks: the same operations, operands, keys and outputs.

`CNNSPEC_LONG=1 python -m pytest tests/importers/test_random_networks.py` tries 3,000 files in place of 60.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, seed, settings

from cnnspec.compiler import check_text
from cnnspec.importers.from_network import model_of
from cnnspec.importers.write import write
from tests.importers.test_flat import flat
from tests.random.files import files
from tests.random.nets import File

pytestmark = pytest.mark.slow

EXAMPLES = 3_000 if "CNNSPEC_LONG" in os.environ else 60


@seed(0)
@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_drawn_networks_come_back(file: File) -> None:
    found = check_text(str(file))
    for net in found.networks if found.ok else ():
        flat(net)
        write(model_of(net))  # which proves itself
