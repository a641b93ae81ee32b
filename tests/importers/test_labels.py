"""Labels that importing hands out."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.importers.terms.formulas import name as name_
from cnnspec.importers.wording.labels import may_mean


@pytest.mark.parametrize(
    ("target", "label", "found"),
    [
        ((name_("i"),), "relu_1", False),  # else no label would be free beside a wire to a numbered step
        ((name_("i"),), "12", True),
        (("c", name_("i")), "c12", True),
        (("c", name_("i")), "conv_1", False),
    ],
)
def test_a_computed_part_of_a_label_is_a_number(target: tuple[Any, ...], label: str, found: bool) -> None:
    assert may_mean(target, label) == found
