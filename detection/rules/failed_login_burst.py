from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import own
from detection.kernel.features import Count, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class FailedLoginBurst(Rule):
    """Someone is guessing a password."""

    id = "failed-login-burst"
    title = "Repeated failed sign-ins"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = types(EventType.LOGIN_FAILED)
    suggests = Action.NOTIFY

    limit: int = 5
    own_limit: int = 50  # from the member's own device or address: forgotten passwords, apps that retry
    line_limit: int = 10  # on the member's usual line, from a device not seen yet: a new phone, an old password
    guest_limit: int = 25  # names nobody has: offices and mobile carriers share an address
    window: timedelta = timedelta(minutes=10)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "failures": Count(self.listens_to, self.window, per="member"),
            "strangers": Count(self.listens_to, self.window, per="subject"),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
            "ip_since": FirstSeen("ip"),
            "access_since": FirstSeen("access"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        known = event.member_id is not None and event.account_exists is not False
        theirs = any(own(event, seen, name, settled=self.settled_after) for name in ("device_id", "ip"))
        failures = seen["failures"] if known else seen["strangers"]
        line = self.line_limit if own(event, seen, "access", settled=self.settled_after) else self.limit
        limit = (self.own_limit if theirs else line) if known else self.guest_limit
        if failures < limit:
            return None
        within = spoken(self.window)
        text = f"{failures} sign-ins failed within {within}. Up to {limit - 1} would have passed as mistyped."
        return self.signal(text, observed=failures, threshold=limit)
