"""The checked network: `tree` has the kinds of steps, `walk` goes through them."""
