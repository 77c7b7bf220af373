"""The HTTP interface over real sockets: the real process, real databases, pushes as vendors document them."""
