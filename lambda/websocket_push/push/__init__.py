"""The push: a request taken in, delivered to every connection, and reported."""
