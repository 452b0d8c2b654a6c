"""What offline data adds to an event: place, network, agent, what its mail and phone tell.

Nothing a sender said is changed, nothing is raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from detection.enrich import email, files, geoip, network, phone, user_agent
from detection.kernel.records import EventRecord

__all__ = ["additions", "enrich", "warm"]


def enrich(events: Sequence[EventRecord]) -> list[EventRecord]:
    """The events in order, each with what was absent and could be found out; unknown stays None."""
    if files.changed():
        geoip.forget()
    return [dataclasses.replace(event, **added) if (added := additions(event)) else event for event in events]


def warm() -> None:
    """Open the data before it is asked: unpacking it takes a second, once on every machine."""
    geoip.locators()
    network.classify("1.1.1.1")


def additions(event: EventRecord) -> dict[str, Any]:
    """What enrichment would add to an event: only fields it lacks, only values that are known."""
    found = {**_place(event), **_network(event), **_agent(event), **_contact(event)}
    return {name: value for name, value in found.items() if value is not None and getattr(event, name) is None}


def _place(event: EventRecord) -> dict[str, Any]:
    """``located_by`` tells how exact the point is: the sender's own, a city's, or the one a country is known by."""
    by_address = geoip.locate(event.ip) if event.ip else None
    if event.latitude is not None and event.longitude is not None:
        return {"country": by_address.country if by_address else None, "located_by": "sender"}
    if event.latitude is not None or event.longitude is not None:
        return {"country": by_address.country if by_address else None}  # half a point is no place
    if event.country and not (by_address and by_address.country == event.country.upper()):
        point = geoip.centre(event.country)  # the sender's word on the country wins over the address
        return {"latitude": point[0], "longitude": point[1], "located_by": "country"} if point else {}
    if by_address is None:
        return {}
    return {
        "country": by_address.country,
        "city": by_address.city,
        "latitude": by_address.latitude,
        "longitude": by_address.longitude,
        "located_by": by_address.by if by_address.latitude is not None else None,
    }


def _network(event: EventRecord) -> dict[str, Any]:
    found = network.classify(event.ip) if event.ip else network.NOWHERE
    return {"network": found.kind, "network_owner": found.owner, "asn": found.asn}


def _contact(event: EventRecord) -> dict[str, Any]:
    return {
        "phone_country": phone.country_of(event.phone) if event.phone else None,
        "email_disposable": email.is_disposable(event.email) if event.email else None,
    }


def _agent(event: EventRecord) -> dict[str, Any]:
    """An app that sends no user agent says nothing; one that sends an empty one says so."""
    if event.user_agent is None:
        return {}
    found = user_agent.read(event.user_agent)
    return {"agent": found.name, "agent_kind": found.kind}
