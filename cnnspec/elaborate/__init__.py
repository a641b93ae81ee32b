"""From the syntax tree to the checked graph: blocks, repeats, wiring, names, shapes."""
