"""The same work on different clients: each module is a program that pushes and reports what it cost."""
