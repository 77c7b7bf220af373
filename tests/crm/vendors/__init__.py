"""What stands in for each vendor: its documented paths, parameters, shapes and refusals, over a few records."""
