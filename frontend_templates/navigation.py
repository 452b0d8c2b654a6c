"""The console's pages as its navigation lists them. A new page is one line here."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from detection.kernel.vocabulary import Role

EVERYBODY = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry: the ``section`` a view puts into its context, the word, the route, and the key after ``g``."""

    section: str
    name: str
    route: str
    key: str
    roles: frozenset[Role] = EVERYBODY

    @property
    def url(self) -> str:
        return reverse(self.route)


CONSOLE = (
    Place("overview", "Overview", "pages:overview", "v"),
    Place("alerts", "Alerts", "pages:feed", "a"),
    Place("storms", "Storms", "pages:storms", "o"),
    Place("rules", "Rules", "pages:rules", "r"),
    Place("lists", "Lists", "pages:lists", "l"),
    Place("money", "Money", "pages:money", "$"),
    Place("models", "Models", "pages:models", "m"),
    Place("face", "Shop", "pages:face", "f", frozenset({Role.ADMIN})),
    Place("audit", "Audit", "pages:audit", "t", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("messages", "Messages", "pages:messages", "n", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("webhooks", "Webhooks", "pages:webhooks", "w", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("keys", "Keys", "pages:keys", "k", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("staff", "Staff", "pages:staff", "p", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("settings", "Settings", "pages:settings", "e", frozenset({Role.ADMIN, Role.AUDITOR})),
    Place("health", "System", "pages:health", "s"),
)


def console(role: Role | None) -> list[Place]:
    """The pages this role may open, in order; none for who is no staff."""
    return [place for place in CONSOLE if role in place.roles]
