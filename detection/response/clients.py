"""Apps and the keys they report with."""

from __future__ import annotations

from collections.abc import Iterable

from detection.kernel.records import Actor
from detection.kernel.vocabulary import KeyScope, Trust
from detection.models import ApiKey, Client
from detection.work import unit_of_work


class UnknownScope(ValueError):
    """A scope that does not exist. Its text names those that do."""

    def __init__(self, unknown: Iterable[str]) -> None:
        named = ", ".join(sorted(unknown)) or "none at all"
        known = "\n".join(f"  {scope.value}" for scope in KeyScope)
        super().__init__(f"There is no such scope: {named}. These exist:\n{known}")


def scopes_of(text: str) -> list[str]:
    """Scopes from a list with commas. Raises UnknownScope, also when there is none."""
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    unknown = wanted - {scope.value for scope in KeyScope}
    if unknown or not wanted:
        raise UnknownScope(unknown)
    return sorted(wanted)


def issue_key(
    name: str, scopes: list[str], *, actor: Actor, trust: Trust = Trust.NORMAL, requires_signature: bool = False
) -> tuple[ApiKey, str]:
    """A new key for the client of this name, which is made when there is none. The key's text is kept nowhere."""
    with unit_of_work(actor) as work:
        client, _ = Client.objects.get_or_create(name=name)
        key, text = ApiKey.issue(client, scopes, trust=trust, requires_signature=requires_signature)
        work.audit(
            "api_key.created", target=f"client:{name}", prefix=key.prefix, scopes=key.scopes, trust=trust.name.lower()
        )
    return key, text
