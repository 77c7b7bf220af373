"""The way to Asterisk: a thin ARI client of our own (why: docs/decisions/0001-own-ari-client.md)."""
