"""Fixtures that several test modules share."""

from __future__ import annotations

from typing import Any

import pytest


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
