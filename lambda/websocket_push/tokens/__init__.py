"""JSON Web Tokens: parsing and verification, and the keys for it."""
