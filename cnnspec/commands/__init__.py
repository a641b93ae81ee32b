"""The commands, one module each, imported when called; a module holds a command of its own name."""
