"""SQL: the admin's schemes are read from it, the journal is written to it; SQLite and PostgreSQL alike."""
