"""Lists people keep: who is refused, watched or spoken for, found in a few look-ups however long the list is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from detection.kernel.detector import Seen
from detection.kernel.features import Wish
from detection.kernel.records import EventRecord, Reason, Signal
from detection.kernel.scoring import MOST_TRUST
from detection.kernel.vocabulary import CUSTOM_PREFIX, Action, EventType, Family, ListEffect, ListKind, Severity

BLOCKED = 95  # points: refused wherever there is something to refuse
#: A wider network than this is a slip of the pen: it would hold a good part of all there are.
WIDEST = {4: 8, 6: 16}
MOST_SHOWN = 120

_AS_NUMBER = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE)
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+")
_NAMED = {
    ListKind.MEMBER: "This account",
    ListKind.ADDRESS: "The address this came from",
    ListKind.NETWORK: "The network this came from",
    ListKind.COUNTRY: "The country this came from",
    ListKind.DEVICE: "The device",
    ListKind.EMAIL_DOMAIN: "The provider of the e-mail address",
    ListKind.PAYMENT_METHOD: "The payment method",
}


class _Everything(frozenset[str]):
    """Every type of event there is, an app's own ones too."""

    def __contains__(self, kind: object) -> bool:
        return frozenset.__contains__(self, kind) or (isinstance(kind, str) and kind.startswith(CUSTOM_PREFIX))


EVERYTHING: frozenset[str] = _Everything(EventType)


class Unfit(ValueError):
    """A value that cannot be on a list of its kind; the text says what can."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list. ``value`` is as ``canonical`` writes it."""

    kind: ListKind
    value: str
    reason: str = ""
    expires_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        return self.expires_at is None or at < self.expires_at


def canonical(kind: ListKind, value: str) -> str:
    """The one spelling of a value. Raises Unfit."""
    value = value.strip()
    if not 1 <= len(value) <= 128 or "\x00" in value:
        raise Unfit("1 to 128 characters.")
    match kind:
        case ListKind.ADDRESS:
            return _address(value)
        case ListKind.COUNTRY:
            if not (len(value) == 2 and value.isascii() and value.isalpha()):
                raise Unfit("A two-letter country code (ISO 3166-1).")
            return value.upper()
        case ListKind.NETWORK:
            number = _AS_NUMBER.fullmatch(value)
            if number and int(number[1]) >= 2**32:
                raise Unfit("A network's number is below 4294967296.")
            return f"AS{int(number[1])}" if number else " ".join(value.casefold().split())
        case ListKind.EMAIL_DOMAIN:
            return _domain(value.removeprefix("@"))
        case _:
            return value


def _address(value: str) -> str:
    try:
        network = ip_network(value) if "%" not in value else None
    except ValueError:
        network = None
    if network is None:
        raise Unfit("An IPv4 or IPv6 address, or a network like 203.0.113.0/24 without bits set behind it.")
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        network = IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    if network.prefixlen < WIDEST[network.version]:
        raise Unfit(f"At least /{WIDEST[4]} for IPv4 and /{WIDEST[6]} for IPv6.")
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def _domain(value: str) -> str:
    try:
        name = value.encode("ascii" if value.isascii() else "idna").decode().lower().rstrip(".")
    except UnicodeError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        raise Unfit("A domain like example.com; it holds for everything below it too.")
    return name


class Roll:
    """A list made ready to be asked: one look-up a value, and for addresses one a length of prefix in use."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._named: dict[tuple[ListKind, str], Entry] = {}
        self._nets: dict[int, dict[int, dict[int, Entry]]] = {4: {}, 6: {}}  # version, prefix length, leading bits
        for entry in entries:
            if entry.kind is ListKind.ADDRESS:
                network = ip_network(entry.value)
                leading = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                self._nets[network.version].setdefault(network.prefixlen, {})[leading] = entry
            else:
                self._named[entry.kind, entry.value] = entry
        self._lengths: Mapping[int, Sequence[int]] = {
            version: sorted(lengths, reverse=True) for version, lengths in self._nets.items()
        }

    def find(self, event: EventRecord) -> Entry | None:
        """The nearest entry that names this event and was in force when it arrived: who before what before where."""
        for kind, value in _names(event):
            entry = self._named.get((kind, value))
            if entry and entry.in_force(event.received_at):
                return entry
        return self._by_address(event)

    def _by_address(self, event: EventRecord) -> Entry | None:
        place = _bits(event.ip) if event.ip else None
        if place is None:
            return None
        version, bits = place
        longest = 32 if version == 4 else 128
        for length in self._lengths[version]:
            entry = self._nets[version][length].get(bits >> (longest - length))
            if entry and entry.in_force(event.received_at):
                return entry
        return None


@lru_cache(maxsize=20_000)
def _bits(ip: str) -> tuple[int, int] | None:
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.version, int(address)


def _names(event: EventRecord) -> Iterator[tuple[ListKind, str]]:
    if event.member_id:
        yield ListKind.MEMBER, event.member_id
    if event.payment_method_id:
        yield ListKind.PAYMENT_METHOD, event.payment_method_id
    if event.device_id:
        yield ListKind.DEVICE, event.device_id
    if event.email:
        labels = event.email.rpartition("@")[2].lower().split(".")
        for start in range(len(labels) - 1):
            yield ListKind.EMAIL_DOMAIN, ".".join(labels[start:])
    if event.asn is not None:
        yield ListKind.NETWORK, f"AS{event.asn}"
    if event.network_owner:
        yield ListKind.NETWORK, " ".join(event.network_owner.casefold().split())
    if event.country:
        yield ListKind.COUNTRY, event.country


class ListDetector:
    """Hears every event and speaks when a list of one effect names it. The same for whatever the list holds.

    A block is a finding of people: it refuses, and locks a member only when it is the member who is on the list. A
    watch is a note to staff, and the member is not told why. An allow is trust: it lowers the score and raises nothing.
    """

    def __init__(self, effect: ListEffect, entries: Iterable[Entry]) -> None:
        self.effect = effect
        self.id = f"{effect.value}-list"
        self.listens_to = EVERYTHING
        self._roll = Roll(entries)

    def needs(self) -> Mapping[str, Wish]:
        return {}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        entry = self._roll.find(event)
        return self._signal(entry) if entry else None

    def inspect_many(self, pairs: Sequence[tuple[EventRecord, Seen]]) -> list[Signal | None]:
        return [self.inspect(event, seen) for event, seen in pairs]

    def _signal(self, entry: Entry) -> Signal:
        observed = f"{entry.kind.value} {entry.value}: {entry.reason}"[:MOST_SHOWN]
        text = f"{_NAMED[entry.kind]} is on the {self.effect.value} list."
        match self.effect:
            case ListEffect.BLOCK:
                title, severity, family, points = "On the block list", Severity.HIGH, Family.PEOPLE, BLOCKED
                suggests = Action.LOCK if entry.kind is ListKind.MEMBER else Action.CHALLENGE
            case ListEffect.WATCH:
                title, severity, family, points = "Noted for review", Severity.LOW, Family.PEOPLE, Severity.LOW.points
                suggests, text = Action.NOTIFY, "Our staff want to have a look at what happens here."
            case _:
                title, severity, family, points = "On the allow list", Severity.LOW, Family.TRUST, -MOST_TRUST
                suggests = Action.NONE
        lowers = points if points < 0 else None
        return Signal(
            detector=self.id,
            title=title,
            severity=severity,
            family=family,
            suggests=suggests,
            reason=Reason(self.id, text, observed, "not on the list", points=lowers),
            points=points,
        )
