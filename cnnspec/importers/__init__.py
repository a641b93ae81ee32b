"""Import: a source becomes a flat model, the model a short specification, proved to be the same."""
