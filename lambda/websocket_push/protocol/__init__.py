"""The wire protocol as pure decisions: what is accepted, what is answered. No I/O."""
