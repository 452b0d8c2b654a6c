"""A labelled world of our own: people with habits, hard days, and attacks, the same for the same seed.

Plain Python. Events are what an app would send; who did what is kept apart from them, and nothing in an event but what
was done tells an attacker from a member.
"""

from detection.simulation.world import Campaign, Case, World, build

__all__ = ["Campaign", "Case", "World", "build"]
