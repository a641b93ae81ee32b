"""What is solved, as text: printer.py names and prints statements, file.py classes and all around them."""
