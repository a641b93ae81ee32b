"""For which inputs a network is valid: an integer program over the checked graph, for many sizes at once."""
