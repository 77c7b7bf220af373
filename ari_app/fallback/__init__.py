"""Calls that no controller served, or had to their end: what the dialplan did is entered into the journal."""
