"""The suite: real parts only, on throw-away data."""
