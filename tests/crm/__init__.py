"""CRMs, each over real HTTP against a server that answers in its vendor's documented shapes."""
