"""The lab: an Asterisk of its own for the demo, the tests and the benchmarks."""
