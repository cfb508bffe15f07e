"""The one exception that ends a command with a message instead of a stack trace."""


class ToolError(Exception):
    """Something that the person at the keyboard can put right; the message says how."""
