"""`cnnspec summary`: the rows of a network's table, and one file a format."""


def clean(text: str) -> str:
    """Names come from users: what cannot be printed becomes a question mark."""
    return "".join(c if c.isprintable() else "?" for c in text)
