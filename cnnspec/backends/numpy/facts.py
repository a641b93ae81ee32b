"""What is to be known of a kernel beyond its name, said at the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def facts(
    quick: str = "",
    running: str = "",
    spelled: str = "",
    operator: str = "",
    assumed: Mapping[str, Any] | None = None,
) -> Callable[[Kernel], Kernel]:
    """Facts of the kernel below; the emitter reads them, emitted files hold none.

    Names tell the rest: of a kernel `f`, `f_backward` is the gradient, `quick_f` the
    fast form, `f_in_place` what changes pixels where they lie.

    `quick` is the fast form of a kernel that shares one with others, "quick_in_place"
    where it makes of each pixel, a vector of channels, another one as long. `running`
    stands for it in a net that never trains and has running statistics. Plain programs
    write it as `spelled`, a function of NumPy, or as an `operator` between its values.
    `assumed` are values of arguments that a short definition does not take.
    """
    return lambda kernel: kernel
