"""A diagram by Graphviz: its language, its columns on a page, and the engine."""
