"""What the rest of a system learns of connections, users and notifications."""
