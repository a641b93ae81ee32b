"""From bytes to a syntax tree with spans, and back to text."""
