"""What chains have in common: blocks and repeats, and formulas for what differs."""
