"""What a function logs and counts."""
