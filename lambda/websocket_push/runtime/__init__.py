"""One invocation of a function, from event to log line."""
