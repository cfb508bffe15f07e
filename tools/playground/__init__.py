"""The playground: the page of examples/browser on a local AWS, to watch and to push to. See `make playground`."""
