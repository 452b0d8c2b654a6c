from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, elsewhere, own
from detection.kernel.features import Count, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class LoginAfterFailures(Rule):
    """Someone may have guessed a password: many sign-ins failed, then one worked from a device that is not known."""

    id = "login-after-failures"
    title = "Sign-in after repeated failures"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.CHALLENGE

    limit: int = 5
    line_limit: int = 10  # on the member's usual line
    guessing: int = 20  # this many are no forgotten password any more
    window: timedelta = timedelta(minutes=30)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "failures": Count(types(EventType.LOGIN_FAILED), self.window),
            "resets": Count(types(EventType.PASSWORD_RESET), self.window),
            **WHO,
            "ip_since": FirstSeen("ip"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        failures = seen["failures"]
        known = any(own(event, seen, name, settled=self.settled_after) for name in ("device_id", "ip"))
        line = own(event, seen, "access", settled=self.settled_after)
        if failures < (self.line_limit if line else self.limit) or known:
            return None
        severity, suggests = Severity.HIGH if failures >= self.guessing else Severity.MEDIUM, self.suggests
        # A forgotten password, reset by mail on a new phone; or somebody nothing is known of to compare with.
        if severity is Severity.MEDIUM and (seen["resets"] or not elsewhere(event, seen)):
            severity, suggests = Severity.LOW, Action.NOTIFY
        text = (
            f"This sign-in worked after {failures} failed ones within {spoken(self.window)}, "
            f"from a device and address not known for {spoken(self.settled_after)}."
        )
        return self.signal(text, observed=failures, threshold=self.limit, severity=severity, suggests=suggests)
