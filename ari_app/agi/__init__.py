"""FastAGI: the same engine for a dialplan that asks what to do next, while no controller takes its calls."""
