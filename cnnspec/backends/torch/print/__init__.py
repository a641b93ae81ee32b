"""What is solved, as text: printer.py names and prints statements, classes.py classes, file.py frames all."""
