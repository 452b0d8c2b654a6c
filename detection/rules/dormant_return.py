from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, another
from detection.kernel.features import Count, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class DormantReturn(Rule):
    """An account nobody used for a season is entered on another device from another place: old leaks are tried for
    ever, and an owner who left notices nothing."""

    id = "dormant-return"
    title = "A sleeping account wakes up elsewhere"
    severity = Severity.MEDIUM
    family = Family.PLACE
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.CHALLENGE

    asleep: timedelta = timedelta(days=90)

    def needs(self) -> dict[str, Wish]:
        return {**WHO, "today": Count(self.listens_to, timedelta(days=1))}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        since = seen["member_since"]
        if since is None or event.occurred_at - since < self.asleep or seen["orders"]:
            return None
        if seen["visits"] > seen["today"]:
            return None  # somebody came lately
        if not (another(event, seen, "device_id") and another(event, seen, "access")):
            return None  # back on the old phone, or at the old home with a new one
        text = f"This account had not been used for {spoken(self.asleep)}, and was entered on another device from "
        text += "another network than it was known by."
        abroad = another(event, seen, "country")
        severity, suggests = (self.severity, self.suggests) if abroad else (Severity.LOW, Action.NOTIFY)
        known = "a device or a network known before"
        return self.signal(text, observed=event.country, threshold=known, severity=severity, suggests=suggests)
