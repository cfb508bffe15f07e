"""The wire protocol as pure functions: what is accepted and what is returned. No I/O."""

CONNECTION_LIFE_SECONDS = 2 * 60 * 60
"""How long API Gateway keeps a WebSocket connection open ("Connection duration", API Gateway quotas)."""
