"""What PyTorch has no module for. An emitted file carries a copy of the definitions that it uses.

Each definition stands alone, given these files' imports and the other definitions in them, and is laid out so
that the formatter leaves it alone at 88 columns too.
"""
