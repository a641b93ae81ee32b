"""What `train` runs and emitted trainers hold: a copy of the text of these modules."""
