"""The ways messages leave by: how loud each is for staff, when it is quiet, and how it has been of late.

One carries by a way at a time, so a mail server that hangs holds one worker and no more; one that failed is left alone
for a while, twice as long each time in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from detection import conf
from detection.kernel.records import Actor
from detection.kernel.vocabulary import Channel, Severity
from detection.models import Carrier
from detection.response.notifiers import services
from detection.work import unit_of_work

PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
#: Longer than a turn of carrying, in which one that hangs is the last.
HELD_FOR = timedelta(seconds=30)
LATEST_RUNG = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Way:
    """How staff are reached by one carrier."""

    carrier: Carrier
    channel: Channel
    destination: str

    def hears(self, severity: str) -> bool:
        return Severity(severity).rank >= Severity(self.carrier.floor).rank


def ways() -> list[Way]:
    """Every way to the staff, as it is set. One query."""
    found = []
    if conf.current().staff_email:
        found.append(("email", Channel.EMAIL, conf.current().staff_email))
    found += [(name, Channel.NOTIFY, name) for name in services.carriers()]
    known = Carrier.objects.in_bulk([name for name, _, _ in found])
    return [Way(known.get(name) or Carrier(name=name), channel, to) for name, channel, to in found]


@contextmanager
def held(name: str, now: datetime) -> Iterator[Carrier | None]:
    """The carrier, for this caller alone; None when another one is at it or it is left alone for now."""
    Carrier.objects.get_or_create(name=name)
    free = Q(held_until=None) | Q(held_until__lte=now)
    well = Q(open_until=None) | Q(open_until__lte=now)
    if not Carrier.objects.filter(free, well, name=name).update(held_until=now + HELD_FOR):
        yield None
        return
    try:
        yield Carrier.objects.get(name=name)
    finally:
        Carrier.objects.filter(name=name).update(held_until=None)


def worked(carrier: Carrier) -> None:
    """Note a success."""
    if carrier.failures:
        carrier.failures = 0
        Carrier.objects.filter(name=carrier.name).update(failures=0, open_until=None)


def failed(carrier: Carrier, now: datetime) -> None:
    """Note a failure: nothing goes by this way for a while."""
    carrier.failures += 1
    carrier.open_until = now + min(PAUSE * 2 ** min(carrier.failures - 1, 10), LONGEST_PAUSE)
    Carrier.objects.filter(name=carrier.name).update(failures=carrier.failures, open_until=carrier.open_until)


def quiet_until(carrier: Carrier, now: datetime) -> datetime | None:
    """The end of the quiet hours that hold now, None when it may speak."""
    begins, ends = carrier.quiet_from, carrier.quiet_until
    if begins is None or ends is None or begins == ends:
        return None
    local = now.astimezone(ZoneInfo(carrier.time_zone))
    at = local.time()
    within = begins <= at < ends if begins < ends else at >= begins or at < ends
    if not within:
        return None
    day = local.date() + timedelta(days=1 if begins > ends and at >= begins else 0)
    return datetime.combine(day, ends, tzinfo=local.tzinfo)


def change(
    name: str,
    *,
    actor: Actor,
    floor: Severity,
    quiet: tuple[time, time] | None,
    time_zone: str,
    after: timedelta,
) -> str:
    """Set how a way to the staff is used; what is wrong with that, "" when nothing is."""
    if name not in {way.carrier.name for way in ways()}:
        return "There is no such way."
    try:
        ZoneInfo(time_zone)
    except (ValueError, OSError, KeyError):
        return "This time zone is not known. Use a name like Europe/Berlin."
    if not timedelta() <= after <= LATEST_RUNG:
        return "From 0 to 720 minutes."
    with unit_of_work(actor) as work:
        begins, ends = quiet or (None, None)
        Carrier.objects.update_or_create(
            name=name,
            defaults={
                "floor": floor,
                "quiet_from": begins,
                "quiet_until": ends,
                "time_zone": time_zone,
                "after": after,
            },
        )
        work.audit(
            "carrier.changed",
            target=f"carrier:{name}",
            floor=floor.value,
            quiet=f"{begins}-{ends} {time_zone}" if quiet else "",
            after_minutes=int(after.total_seconds() // 60),
        )
    return ""
