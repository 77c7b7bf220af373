"""Fakes that are as hard on the code as the real parts are."""
