"""The queue's door."""
