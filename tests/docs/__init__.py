"""What the documents say is held against the program: commands, output, links, settings, targets, units."""
