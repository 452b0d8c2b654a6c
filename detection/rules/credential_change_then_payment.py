from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, FirstSeen, Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

KEYS = types(EventType.PASSWORD_CHANGED, EventType.PASSWORD_RESET, EventType.MFA_DISABLED)
CONTACTS = frozenset({"email", "phone"})
WORDS = {
    "password.changed": "The password was changed",
    "password.reset": "The password was reset",
    "mfa.disabled": "The second sign-in step was switched off",
    "profile.changed": "The contact details were changed",
}


@rule
class CredentialChangeThenPayment(Rule):
    """The keys to an account were changed, and money moved right after, from a device that is not known."""

    id = "credential-change-then-payment"
    title = "Payment right after a change of credentials"
    severity = Severity.HIGH
    family = Family.CREDENTIALS
    listens_to = types(EventType.TRANSACTION_ATTEMPTED, EventType.PAYOUT_REQUESTED, EventType.GIFT_CARD_REDEEMED)
    suggests = Action.LOCK

    window: timedelta = timedelta(hours=1)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "keys": Last(KEYS, self.window),
            "profile": Last(types(EventType.PROFILE_CHANGED), self.window),
            "device_since": FirstSeen("device_id"),
            "address_since": FirstSeen("ip"),
            "created": Count(types(EventType.ACCOUNT_CREATED), timedelta(days=1)),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        change = seen["keys"]
        if change is None and seen["profile"] is not None and CONTACTS & set(seen["profile"]["changed"]):
            change = seen["profile"]
        if change is None or self.settled(event, seen["device_since"], self.settled_after):
            return None  # a forgotten password on one's own phone
        home = self.settled(event, seen["address_since"], self.settled_after)
        unplaced = event.device_id is None and event.ip is None
        mild = home or unplaced or seen["created"]
        severity, suggests = (Severity.MEDIUM, Action.CHALLENGE) if mild else (Severity.HIGH, Action.LOCK)
        passed = event.occurred_at - change["occurred_at"]
        text = (
            f"{WORDS[change['type']]} {spoken(passed)} before this payment, which came from a device "
            f"not known for {spoken(self.settled_after)}. After {spoken(self.window)} it would have passed."
        )
        minutes = round(passed / timedelta(minutes=1), 1)
        allowed = round(self.window / timedelta(minutes=1))
        return self.signal(text, observed=minutes, threshold=allowed, severity=severity, suggests=suggests)
