"""A call-forwarding controller for Asterisk: what happens to a phone call, and why."""

__version__ = "0.1.0"
