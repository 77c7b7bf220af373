"""How we ask others over HTTP: connections that are watched, one client, and what configurations say of it."""
