from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

FAILED, ENTERED = types(EventType.LOGIN_FAILED), types(EventType.LOGIN_SUCCEEDED)


@rule
class CredentialStuffing(Rule):
    """One address tries name after name: a leaked list is being played through."""

    id = "credential-stuffing"
    title = "Many accounts tried from one address"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = FAILED | ENTERED
    suggests = Action.NOTIFY

    names: int = 8
    share: float = 0.7  # of the tries there fail
    slow_names: int = 12
    entry_names: int = 4  # enough when one of them fits
    most_fit: float = 0.5  # a leaked list seldom opens one account in ten; where every second one opens, people sign in
    window: timedelta = timedelta(minutes=30)
    long_window: timedelta = timedelta(hours=24)

    def needs(self) -> dict[str, Wish]:
        found: dict[str, Wish] = {}
        for span, within in (("short", self.window), ("long", self.long_window)):
            found[f"members {span}"] = Distinct("member_id", FAILED, within, per="ip")
            found[f"names {span}"] = Distinct("email", FAILED, within, per="ip")
            found[f"failed {span}"] = Count(FAILED, within, per="ip")
            found[f"entered {span}"] = Count(ENTERED, within, per="ip")
            found[f"owners {span}"] = Distinct("member_id", ENTERED, within, per="ip")
        return found

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        for span, limit in (("short", self.names), ("long", self.slow_names)):
            names, failed = seen[f"members {span}"] + seen[f"names {span}"], seen[f"failed {span}"]
            entered = event.type == EventType.LOGIN_SUCCEEDED
            least = self.entry_names if entered else limit
            if names < least or failed < self.share * (failed + seen[f"entered {span}"]):
                continue
            if seen[f"owners {span}"] > self.most_fit * names:  # an office in the morning: nearly everybody gets in
                continue
            within = spoken(self.window if span == "short" else self.long_window)
            text = (
                f"{names} different accounts were tried from this address within {within}, and {failed} tries failed."
            )
            if not entered:
                return self.signal(text, observed=names, threshold=least, about=f"address:{event.ip}")
            severity, suggests = (Severity.HIGH, Action.LOCK) if names >= self.names else (None, Action.CHALLENGE)
            return self.signal(text, observed=names, threshold=least, severity=severity, suggests=suggests)
        return None
