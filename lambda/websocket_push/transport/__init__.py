"""A small asyncio client for the two AWS APIs that the functions call."""
