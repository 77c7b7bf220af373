"""What all tiers share: the recording of which promises their tests keep."""

pytest_plugins = ["pytester", "tests.promise_recorder"]
