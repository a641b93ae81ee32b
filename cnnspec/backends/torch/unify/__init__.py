"""The steps of a block's instances side by side, as columns: nothing here knows an expression.

braces.py first makes blocks of the labelled braces that no nn.Sequential can run; columns.py finds which
steps belong together, and which instances share a class; steps.py is what the emitter asks of a step of the
tree.
"""
