"""What programs send us and what we send them, as the schema tells it."""
