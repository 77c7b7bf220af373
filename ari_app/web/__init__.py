"""The HTTP interface, a process of its own: events, receipts, messages, recordings, and the test inbox."""
