"""Recorded audio: what a file really holds, and its mp3."""
