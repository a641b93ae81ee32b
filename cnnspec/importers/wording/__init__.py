"""Terms in the words of the language: arguments, labels, names, and the layout of the text."""
