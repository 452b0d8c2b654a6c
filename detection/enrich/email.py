"""What an e-mail address tells by its domain."""

from __future__ import annotations

from functools import cache


def domain_of(email: str) -> str | None:
    """The domain of an address in lower case, or None when there is none."""
    _, at, domain = email.strip().rpartition("@")
    domain = domain.rstrip(".").lower()
    return domain if at and "." in domain else None


def is_disposable(email: str) -> bool:
    """Whether the address is at a throw-away provider or a subdomain of one."""
    domain = domain_of(email)
    while domain and "." in domain:
        if domain in _blocklist():
            return True
        domain = domain.partition(".")[2]
    return False


@cache
def _blocklist() -> frozenset[str]:
    from disposable_email_domains import blocklist  # ten thousand names, loaded by the first who asks

    return frozenset(blocklist)
