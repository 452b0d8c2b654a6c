"""Webhooks out: where the shop's own systems are told, and how the telling goes (Standard Webhooks)."""
