"""The push: accepts a request, delivers it to every connection, and reports the outcome."""
