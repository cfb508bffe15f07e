"""Tokens: where a request carries one, what makes it valid, and what API Gateway is told."""
