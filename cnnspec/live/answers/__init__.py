"""What editors ask of a place or of a text."""
