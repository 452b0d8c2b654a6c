"""The audit trail: a chain that anyone can check."""
