"""What the functions do, given the tables and the management API to do it with."""
