"""Fuzzing: what reads bytes of others must answer or refuse, and never break. `make fuzz` runs all of it for long."""
