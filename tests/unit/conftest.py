"""Hypothesis for the unit tests: no wall-clock deadlines, since nothing here waits; more cases when asked for."""

from hypothesis import HealthCheck, settings

settings.register_profile("quick", deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5000)
settings.register_profile("fuzz", settings.get_profile("quick"), max_examples=35_000)
settings.load_profile("quick")
