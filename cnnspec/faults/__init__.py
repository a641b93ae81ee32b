"""What a mistake leads to: reports, computed fixes, pages that explain."""
