"""Where people and programs change things: rights are asked for here first, and every change is written down."""
