"""SMPP 3.4: a session of our own over the PDUs of smpp34, so that it is known what was written and what is kept."""
