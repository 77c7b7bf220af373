"""Tables and sentences of the domain, in virtual time: no sockets, no files, no waiting."""
