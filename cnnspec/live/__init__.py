"""Specifications as one types them: what `cnnspec lsp` and other editors ask of texts that are open.

`session` keeps the open texts; `findings` are what is to be known of one, the net in view first; the other
modules each answer one question about a place in it. `lsp` speaks the protocol, and nothing else knows of it.
"""
