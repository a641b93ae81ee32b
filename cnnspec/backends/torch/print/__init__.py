"""What is solved, as a file: printer.py names and prints statements, file.py frames all."""
