"""What each class holds and does, decided as data: nothing here prints a line.

classes.py says which class stands for which instances of a block. body.py puts their steps side by side, in
columns; a frame, which is a class or a loop (frames.py), solves what differs from row to row to the data of
solutions.py. The two walks over a body are constructor.py and forward.py; statements.py knows what the
variables of a forward hold, parameters.py what a class takes.
"""
