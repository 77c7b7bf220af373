"""The pure core: decides what happens to a call. No clock, no I/O, no SQL, no words of ARI."""
