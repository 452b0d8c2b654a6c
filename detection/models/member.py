"""A shop's customers, the ways to reach them and the devices they use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connections, models
from django.utils import timezone

from detection.conf import SAFE_CONTACT_AFTER


class MemberQuerySet(models.QuerySet["Member"]):
    def known_as(self, member_ids: Iterable[str]) -> dict[str, Member]:
        """Members by the shop's id."""
        return {member.member_id: member for member in self.filter(member_id__in=set(member_ids))}

    def keys_of(self, member_ids: Iterable[str]) -> dict[str, int]:
        """Members' keys by the shop's id, created where the shop had not named them before. One query when it had."""
        wanted = set(member_ids)
        connection = connections[self.db]
        with connection.cursor() as cursor:
            places = ", ".join(["%s"] * len(wanted))
            table = connection.ops.quote_name(self.model._meta.db_table)
            cursor.execute(f"SELECT member_id, id FROM {table} WHERE member_id IN ({places})", list(wanted))  # noqa: S608
            found: dict[str, int] = dict(cursor.fetchall())
        if len(found) < len(wanted):
            found |= {name: member.pk for name, member in self.ensure(wanted - set(found)).items()}
        return found

    def ensure(self, member_ids: Iterable[str]) -> dict[str, Member]:
        """Members by the shop's id, created where the shop had not named them before. Two or three queries."""
        wanted = set(member_ids)
        found = self.known_as(wanted)
        missing = wanted - set(found)
        if missing:
            self.bulk_create([Member(member_id=name) for name in sorted(missing)], ignore_conflicts=True)
            found |= self.known_as(missing)
        return found


class Member(models.Model):
    """A customer, known by the shop's own string."""

    member_id = models.CharField(max_length=128, unique=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="member"
    )
    locale = models.CharField(max_length=16, blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="")  # their own choice, above the shop's word
    time_zone = models.CharField(max_length=64, blank=True, default="")
    joined_at = models.DateTimeField(null=True, blank=True)  # the shop's word on the account's age
    created_at = models.DateTimeField(default=timezone.now)
    code_failures = models.PositiveSmallIntegerField(default=0)  # wrong codes in a row, over challenges and days
    self_service_off_at = models.DateTimeField(null=True, blank=True)  # too many wrong codes: staff must act

    objects = MemberQuerySet.as_manager()

    def __str__(self) -> str:
        return self.member_id


class ContactQuerySet(models.QuerySet["Contact"]):
    def safe(self, member: Member, kind: str, now: datetime | None = None) -> Contact | None:
        """Where a code may go: the newest contact older than 72 h, else the first the member ever got; never one that
        was changed while a lock stood (held)."""
        now = now or timezone.now()
        return self.safest(list(self.filter(member=member, kind=kind, held=False).order_by("added_at", "pk")), now)

    @staticmethod
    def safest(mine: Sequence[Contact], now: datetime) -> Contact | None:
        """The same of contacts of one kind at hand, none of them held, oldest first."""
        if not mine:
            return None
        settled = [contact for contact in mine if contact.added_at <= now - SAFE_CONTACT_AFTER]
        return settled[-1] if settled else mine[0]


class Contact(models.Model):
    """An address of a member. A changed one is kept beside the old one; the old one stays the safe one for 72 h."""

    EMAIL, PHONE = "email", "phone"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=8, choices=[(EMAIL, "e-mail"), (PHONE, "phone")])
    value = models.CharField(max_length=254)
    verified_at = models.DateTimeField(null=True, blank=True)
    added_at = models.DateTimeField(default=timezone.now)
    held = models.BooleanField(default=False)  # changed during or just after a lock: never used for codes

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "kind", "value"], name="contact_once")]

    @property
    def masked(self) -> str:
        """The contact as its owner recognises it and nobody else can use it."""
        if self.kind == self.PHONE:
            return f"•••{self.value[-2:]}"
        name, _, domain = self.value.partition("@")
        return f"{name[:1]}•••@{domain}"


class Device(models.Model):
    """A device a member has used."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="devices")
    device_id = models.CharField(max_length=128)
    name = models.CharField(max_length=120, blank=True, default="")
    agent = models.CharField(max_length=120, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    trusted_at = models.DateTimeField(null=True, blank=True)
    distrusted_at = models.DateTimeField(null=True, blank=True)
    forgotten_at = models.DateTimeField(null=True, blank=True)  # what it did until then proves nothing any more

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "device_id"], name="device_once")]
        indexes = [models.Index(fields=["device_id"], name="device_by_id")]


class Dismissal(models.Model):
    """A suggestion a member does not want to see for a while."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="dismissals")
    code = models.CharField(max_length=32)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "code"], name="dismissal_once")]
