"""Seeing and ending connections: who is connected, disconnect, revoke, and the limit of each user."""
