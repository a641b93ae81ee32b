"""The bar comes after a second, on a terminal, and not before or elsewhere."""

from __future__ import annotations

import io

import pytest

from cnnspec.commands import progress


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "seconds", "shown"), [(True, 0.6, True), (True, 0.1, False), (False, 9, False)]
)
def test_when_the_bar_comes(
    terminal: bool, seconds: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five steps that take so many seconds each."""
    screen, now = Screen(terminal), [0.0]
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.progress(5, "run") as step:
        for _ in range(5):
            now[0] += seconds
            step()
    assert ("run" in screen.getvalue()) is shown
    if shown:
        assert "100%" in screen.getvalue()
