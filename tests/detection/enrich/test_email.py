"""Throw-away mail."""

from __future__ import annotations

import pytest

from detection.enrich.email import domain_of, is_disposable


@pytest.mark.parametrize("email", ["mia@mailinator.com", "mia@MAILINATOR.com.", "mia@inbox.mailinator.com"])
def test_throw_away_providers_and_their_subdomains_are_known(email: str) -> None:
    assert is_disposable(email)


@pytest.mark.parametrize("email", ["mia@example.com", "mia@gmail.com", "no address", "", "@", "mia@com", "a@b@c..."])
def test_other_addresses_are_not(email: str) -> None:
    assert not is_disposable(email)


def test_the_domain_is_what_follows_the_last_at() -> None:
    assert domain_of('"a@b"@Example.COM') == "example.com"
    assert domain_of("nothing") is None
