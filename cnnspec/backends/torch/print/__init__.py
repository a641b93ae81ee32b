"""What is solved, as text: spelling.py gives names, constructor.py and lines.py print, file.py frames all."""
