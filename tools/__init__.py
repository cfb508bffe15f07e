"""Tooling for working on the module without AWS: environments, the local emulator, checks and the demo.

Nothing under `lambda/` or `modules/` knows of it.
"""
