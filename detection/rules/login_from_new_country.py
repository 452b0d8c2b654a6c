from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import fresh, hides, own
from detection.kernel.features import Count, FirstSeen, Known, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity

HIDDEN = frozenset({"vpn", "cdn", "hosting"})  # where the network is says little about where the person is


@rule
class LoginFromNewCountry(Rule):
    """Someone signed in from a country this member was never seen in, on a device that is not known either."""

    id = "login-from-new-country"
    title = "Sign-in from a new country"
    severity = Severity.MEDIUM
    family = Family.PLACE
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.CHALLENGE

    least_known: int = 1  # countries the member must be known in before a new one means anything
    least_visits: int = 3  # before that a second country is asked about by nobody, only noted
    settled_after: timedelta = timedelta(days=3)  # a device known this long travels with its owner

    def needs(self) -> dict[str, Wish]:
        return {
            "country_since": FirstSeen("country"),
            "countries": Known("country"),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
            "network_since": FirstSeen("network"),
            "visits": Count(self.listens_to, timedelta(days=90)),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        new = seen["country_since"] is not None and seen["country_since"] >= event.occurred_at
        if not new or seen["countries"] < self.least_known:
            return None
        if own(event, seen, "device_id", settled=self.settled_after) or hides(event, seen):
            return None
        text = f"This sign-in came from {event.country}, where this account had never been used, on a new device."
        unsure = seen["visits"] <= self.least_visits or event.network in HIDDEN
        unsure = unsure or not (event.device_id is None or fresh(event, seen, "device_id", settled=self.settled_after))
        severity, suggests = (Severity.LOW, Action.NOTIFY) if unsure else (self.severity, self.suggests)
        known = "a country known before"
        return self.signal(text, observed=event.country, threshold=known, severity=severity, suggests=suggests)
