"""Native `Dial()` against this controller on one Asterisk, side by side: ``python -m benchmarks --help``."""
