"""The diagram model, and pure passes over it."""
