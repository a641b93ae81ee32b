"""Training: images are read and divided, a loop fits the net to them, a folder keeps what came of it."""
