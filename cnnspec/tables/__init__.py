"""`cnnspec summary`: the rows of a network's table, and one file a format."""
