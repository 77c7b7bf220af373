"""What the outbox's tests share: a clock, messages, an SMSC on a real socket, and a way to be killed at any line."""
