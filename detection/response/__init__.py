"""What is done about an alert: locks and the way out of them, disputes, notices, health."""
