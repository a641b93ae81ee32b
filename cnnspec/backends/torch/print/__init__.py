"""What is solved, as text: spelling.py gives names, lines.py prints statements, file.py frames all."""
