"""Chaos: calls at a steady rate while all they stand on is killed, frozen and cut; then each is accounted for."""
