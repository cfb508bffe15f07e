"""Made-up events for every handler: whatever comes in, a documented code comes out, and a refusal writes nothing.

`FUZZ_EXAMPLES` says how many events each test makes up.
"""
