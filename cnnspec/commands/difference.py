"""How two texts differ, as `patch` takes it."""

from __future__ import annotations


def difference(name: str, before: str, after: str) -> str:
    """A unified diff of two texts of a file; "" where they are the same."""
    from difflib import unified_diff

    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in unified_diff(old, new, name, name)
    )
