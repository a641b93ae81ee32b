"""Values of a specification: shapes and the size formula, symbols, bounds, functions."""
