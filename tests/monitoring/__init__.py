"""Tests of metrics, health, readiness and of what logs show."""
