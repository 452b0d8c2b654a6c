"""The way in: strict, redacted, idempotent, durable."""

from detection.intake.acceptance import Item, accept
from detection.intake.membership import import_members

__all__ = ["Item", "accept", "import_members"]
