"""The reader of Darknet's networks: a .cfg, and the numbers in a .weights."""
