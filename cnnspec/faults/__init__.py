"""What is told of a mistake: reports, computed fixes, pages that explain."""
