"""The demo: the module at work on a local AWS, told as it happens. Run it with `make demo`."""
