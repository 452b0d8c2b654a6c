"""Members as the shop imports them: contacts, age, language, time zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.utils import timezone

from detection.intake.contacts import frozen_members
from detection.intake.schema import FIELDS, Wrong, moment, text
from detection.intake.strict_json import Malformed, escape, flaws
from detection.kernel.records import Actor
from detection.models import Client, Contact, Member
from detection.work import unit_of_work


@dataclass(frozen=True, slots=True)
class Imported:
    index: int
    member_id: str | None
    status: str  # accepted, rejected
    errors: tuple[dict[str, str], ...] = ()


def _time_zone(value: Any) -> str:
    name = text(64)(value)
    if name not in available_timezones():
        raise Wrong("unknown_time_zone", "Must be an IANA time zone, like Europe/Berlin.")
    return name


_CONTACT = {"email": FIELDS["email"], "phone": FIELDS["phone"]}
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "member_id": text(128),
    **_CONTACT,
    "verified_at": moment,
    "email_verified_at": moment,
    "phone_verified_at": moment,
    "created_at": moment,
    "locale": text(16),
    "time_zone": _time_zone,
}


def import_members(
    payloads: Sequence[Any], *, client: Client, actor: Actor, now: datetime | None = None
) -> list[Imported]:
    """Create or update members. A member's first contact is theirs at once; a later different one waits beside it for
    72 h unless its own ``verified_at`` (``email_verified_at``, ``phone_verified_at``) is older than that."""
    now = now or timezone.now()
    results: list[Imported] = []
    good: list[dict[str, Any]] = []
    for index, payload in enumerate(payloads):
        clean, errors = _validate(payload)
        name = clean.get("member_id")
        if errors:
            results.append(Imported(index, name, "rejected", tuple(errors)))
        else:
            good.append(clean)
            results.append(Imported(index, name, "accepted"))
    if good:
        with unit_of_work(actor) as work:
            _store(good, now)
            work.audit("members.imported", target=client.name, count=len(good))
    return results


def _validate(payload: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
    if isinstance(payload, Malformed):
        return {}, [{"pointer": payload.pointer, "code": "malformed", "detail": payload.detail}]
    errors = flaws(payload)
    if errors:
        return {}, errors
    if not isinstance(payload, dict):
        return {}, [{"pointer": "", "code": "not_an_object", "detail": "A member is a JSON object."}]
    clean: dict[str, Any] = {}
    for name, value in payload.items():
        checker = _FIELDS.get(name)
        try:
            if checker is None:
                raise Wrong("unknown_field", "Unknown field.")
            if value is not None:
                clean[name] = checker(value)
        except Wrong as wrong:
            errors.append({"pointer": f"/{escape(name)}", "code": wrong.code, "detail": wrong.detail})
    if "member_id" not in clean and not errors:
        errors.append({"pointer": "/member_id", "code": "required", "detail": "A member has a member_id."})
    return clean, errors


def _store(good: list[dict[str, Any]], now: datetime) -> None:
    members = Member.objects.ensure(item["member_id"] for item in good)
    changed: dict[int, Member] = {}
    for item in good:
        member = members[item["member_id"]]
        for wire, column in (("locale", "locale"), ("time_zone", "time_zone"), ("created_at", "joined_at")):
            if wire in item:
                setattr(member, column, item[wire])
                changed[member.pk] = member
    if changed:
        Member.objects.bulk_update(changed.values(), ["locale", "time_zone", "joined_at"])
    _store_contacts(good, members, now)


def _store_contacts(good: list[dict[str, Any]], members: dict[str, Member], now: datetime) -> None:
    pks = {member.pk for member in members.values()}
    known = {(c.member_id, c.kind, c.value): c for c in Contact.objects.filter(member__in=pks)}
    frozen = frozen_members(pks, now)
    fresh: list[Contact] = []
    verified: list[Contact] = []
    for item in good:
        member = members[item["member_id"]]
        for kind in _CONTACT:
            value = item.get(kind)
            if not value:
                continue
            proved = item.get(f"{kind}_verified_at") or item.get("verified_at")
            have = known.get((member.pk, kind, value))
            if have is None:
                have = Contact(
                    member=member,
                    kind=kind,
                    value=value,
                    verified_at=proved,
                    added_at=min(now, proved or now),
                    held=member.pk in frozen,
                )
                known[(member.pk, kind, value)] = have
                fresh.append(have)
            elif proved and have.pk and have.verified_at is None:
                have.verified_at = proved
                verified.append(have)
    Contact.objects.bulk_create(fresh, ignore_conflicts=True)
    if verified:
        Contact.objects.bulk_update(verified, ["verified_at"])
