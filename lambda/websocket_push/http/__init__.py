"""HTTP/1.1 over sockets, on an event loop and blocking."""
