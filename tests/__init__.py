"""The tests, in tiers: unit, contract, storage, e2e."""
