"""Describe a convolutional network in a short text file; check it, build it, draw it."""

__version__ = "0.1.0"
