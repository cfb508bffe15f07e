"""The wire protocol as pure functions: what is accepted and what is returned. No I/O."""
