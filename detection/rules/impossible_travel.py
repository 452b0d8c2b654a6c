from datetime import timedelta
from typing import Any

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import FirstSeen, Last, Wish, types
from detection.kernel.geo import distance_km
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

ELSEWHERE = frozenset({"vpn", "tor", "cdn", "bot", "reserved"})  # networks that hide where one is
SATELLITES = frozenset({14593, 7155, 6621})  # Starlink, Viasat, Hughes: their gateways are far from their users
ERROR_KM = {"country": 500.0, "city": 50.0, "sender": 10.0}  # how far the truth may lie from the point given


@rule
class ImpossibleTravel(Rule):
    """Someone signed in from two places nobody can travel between in that time."""

    id = "impossible-travel"
    title = "Impossible travel"
    severity = Severity.HIGH
    family = Family.PLACE
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.LOCK

    fastest: float = 900.0  # km/h
    least_km: float = 300.0
    window: timedelta = timedelta(hours=24)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {"before": Last(self.listens_to, self.window), "device_since": FirstSeen("device_id")}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        before = seen["before"]
        if before is None or self.settled(event, seen["device_since"], self.settled_after):
            return None
        hosted = "hosting" in (event.network, before["network"])  # perhaps a company's own way out
        met = self.settled(event, seen["device_since"], timedelta(seconds=1))  # perhaps the other of two at home
        here = {"latitude": event.latitude, "longitude": event.longitude, "network": event.network, "asn": event.asn}
        tunnel = hosted and event.device_id is not None and event.device_id == before["device_id"]
        if tunnel or not (_placed(here) and _placed(before)):
            return None
        apart = distance_km(before["latitude"], before["longitude"], event.latitude or 0.0, event.longitude or 0.0)
        apart -= sum(ERROR_KM.get(by or "sender", 500.0) for by in (before["located_by"], event.located_by))
        passed = max(event.occurred_at - before["occurred_at"], timedelta(minutes=1))
        speed = apart / (passed / timedelta(hours=1))
        if apart < self.least_km or speed <= self.fastest:
            return None
        text = f"This sign-in was made at least {apart:,.0f} km away from the one {spoken(passed)} earlier; "
        text += f"getting there takes {speed:,.0f} km/h, and {self.fastest:,.0f} km/h is the most we believe."
        severity, suggests = (Severity.MEDIUM, Action.CHALLENGE) if hosted or met else (Severity.HIGH, Action.LOCK)
        return self.signal(text, observed=round(speed), threshold=self.fastest, severity=severity, suggests=suggests)


def _placed(facts: dict[str, Any]) -> bool:
    """Whether the coordinates tell where the person was, and not where their network is."""
    seen = facts["latitude"] is not None and facts["longitude"] is not None
    return seen and facts["network"] not in ELSEWHERE and facts["asn"] not in SATELLITES
