"""What a specification will say, before it is text."""
