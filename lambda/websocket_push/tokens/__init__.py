"""JSON Web Tokens: read, checked, and the keys they are checked with."""
