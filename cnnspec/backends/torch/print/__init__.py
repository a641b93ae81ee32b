"""What is solved, as a file: lines.py prints statements, file.py frames all."""
