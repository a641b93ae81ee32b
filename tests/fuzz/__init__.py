"""Mutated specifications through every command: `python -m tests.fuzz --help`."""
