"""Comparisons of the delivery engine with the AWS SDKs, on one local server in one run."""
