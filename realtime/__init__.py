"""The live door."""
