from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import CONTACTS, FAILED, WHO, elsewhere, fresh, told, total, who
from detection.kernel.features import Count, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity


@rule
class ContactChangeOnNewDevice(Rule):
    """Where a member's messages go, or the second step, is changed by somebody who is not like the member: the owner is
    being shut out."""

    id = "contact-change-on-new-device"
    title = "Contacts changed by somebody new"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = types(EventType.PROFILE_CHANGED, EventType.MFA_DISABLED)
    suggests = Action.CHALLENGE

    ask_from: float = 3.5  # the natural logarithm of how much likelier a stranger is
    soon_from: float = 1.8  # within the first hour of a device, at an address that is not known either
    soon: timedelta = timedelta(hours=1)
    lock_from: float = 4.0  # where the password was guessed at or reset just before
    lately: timedelta = timedelta(hours=3)

    def needs(self) -> dict[str, Wish]:
        return {
            **WHO,
            "ip_since": FirstSeen("ip"),
            "guesses": Count(FAILED, self.lately),
            "resets": Count(types(EventType.PASSWORD_RESET), self.lately),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.type == EventType.PROFILE_CHANGED and not CONTACTS & set(event.changed):
            return None
        facts = who(event, seen)
        worth = total(facts)
        fresh_here = not any(self.settled(event, seen[f"{name}_since"], self.soon) for name in ("device_id", "ip"))
        if worth < (self.soon_from if fresh_here else self.ask_from) or not fresh(event, seen, "device_id"):
            return None
        what = "The second step was switched off" if event.type == EventType.MFA_DISABLED else "Contacts were changed"
        text = f"{what} from {told(facts)}: whoever does that shuts the owner out."
        entered = seen["guesses"] >= 5 or seen["resets"]
        if entered and worth >= self.lock_from and elsewhere(event, seen):
            high, lock = Severity.HIGH, Action.LOCK
            return self.signal(text, observed=worth, threshold=self.lock_from, severity=high, suggests=lock)
        return self.signal(text, observed=worth, threshold=self.ask_from)
