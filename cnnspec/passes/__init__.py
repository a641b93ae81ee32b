"""Rewrites of the flat graph, one a file: each takes a graph and gives another that means the same."""
