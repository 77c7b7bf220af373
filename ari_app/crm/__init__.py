"""CRMs: who, by their records, is responsible for a caller; one module for each kind."""
