"""What a release needs and a running service does not."""
