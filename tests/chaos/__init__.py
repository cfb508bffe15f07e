"""Faults on purpose: between the functions and AWS, and between the clients and the WebSocket API.

`proxy` stands where the functions reach AWS, `gate` where the clients connect. `scenarios` pushes through both while
they do their worst, to the browser client of the examples, and `ledger` checks the outcome. `python -m tests.chaos`
runs the long form, the tests in this folder the short one.
"""
