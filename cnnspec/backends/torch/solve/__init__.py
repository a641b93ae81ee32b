"""What each class holds and does, decided as data: nothing here prints a line.

columns.py solves what differs from row to row, on roots.py (the instances of a block) and loops.py (the
turns of a loop), to the data of solutions.py. classes.py says which class stands for what. constructor.py
and forward.py solve the two halves of a class; statements.py and variables.py know what the variables of a
forward hold.
"""
