"""What is known of a checked network beyond its sizes: one question a file."""
