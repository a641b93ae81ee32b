"""What each class takes, holds and does, decided as data: nothing here prints a line.

program.py knows the order of the classes and how a use constructs its class; classes.py is a class, which
stands for instances of a block; frames.py solves what differs among them to the data of solutions.py, and
loops.py what differs among the iterations of a repeat; parameters.py keeps what the class takes for it, and
literals.py writes values as Python. The two walks over a body are constructor.py and forward.py;
statements.py knows what the variables of a forward hold.
"""
