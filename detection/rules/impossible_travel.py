from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import FirstSeen, Last, Wish, types
from detection.kernel.geo import distance_km
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

ELSEWHERE = frozenset({"vpn", "tor", "cdn", "bot", "reserved"})  # networks that hide where one is
SATELLITES = frozenset({14593, 7155, 6621})  # Starlink, Viasat, Hughes: their gateways are far from their users
CARRIED = ("iPhone", "iPad", "Android")  # a telephone travels, the computer stays
ERROR_KM = {"country": 500.0, "city": 50.0, "sender": 10.0}  # how far the truth may lie from the point given


@rule
class ImpossibleTravel(Rule):
    """Someone signed in from two places nobody can travel between in that time."""

    id = "impossible-travel"
    title = "Impossible travel"
    severity = Severity.HIGH
    family = Family.PLACE
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.CHALLENGE

    fastest: float = 900.0  # km/h
    least_km: float = 300.0
    window: timedelta = timedelta(hours=24)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        first: dict[str, Wish] = {name: FirstSeen(name) for name in ("member_id", "device_id", "access")}
        return {**first, "before": Last(self.listens_to, self.window)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        known = any(self.settled(event, seen[name], self.settled_after) for name in ("device_id", "access"))
        if (before := seen["before"]) is None or known:
            return None
        hosted = "hosting" in (event.network, before["network"])  # perhaps a company's own way out
        strange = seen["device_id"] in {None, event.occurred_at} and self.settled(event, seen["member_id"], self.window)
        at_home, away = ((agent or "").endswith(CARRIED) for agent in (before["agent"], event.agent))
        there = _placed(before["network"], before["asn"], before["latitude"], before["longitude"])
        same = hosted and event.device_id and event.device_id == before["device_id"]
        if same or not (there and _placed(event.network, event.asn, event.latitude, event.longitude)):
            return None
        apart = distance_km(before["latitude"], before["longitude"], event.latitude or 0.0, event.longitude or 0.0)
        apart -= sum(ERROR_KM.get(by or "sender", 500.0) for by in (before["located_by"], event.located_by))
        passed = max(event.occurred_at - before["occurred_at"], timedelta(minutes=1))
        if apart < self.least_km or (speed := apart / (passed / timedelta(hours=1))) <= self.fastest:
            return None
        text = f"This sign-in was made at least {apart:,.0f} km away from the one {spoken(passed)} earlier; "
        text += f"getting there takes {speed:,.0f} km/h, and {self.fastest:,.0f} km/h is the most we believe."
        severity = Severity.MEDIUM if hosted or not strange or (away and not at_home) else Severity.HIGH
        return self.signal(text, observed=round(speed), threshold=self.fastest, severity=severity)


def _placed(network: str | None, asn: int | None, *point: float | None) -> bool:
    """Whether the coordinates tell where the person was, and not where their network is."""
    return network not in ELSEWHERE and asn not in SATELLITES and None not in point
