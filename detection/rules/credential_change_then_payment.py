from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, another, elsewhere, own
from detection.kernel.features import Count, Last, Wish, types
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
    forgetful: int = 2  # wrong passwords before a reset

    def needs(self) -> dict[str, Wish]:
        return {
            "keys": Last(KEYS, self.window),
            "profile": Last(types(EventType.PROFILE_CHANGED), self.window),
            **WHO,
            "wrong": Count(types(EventType.LOGIN_FAILED), self.window),
            "created": Count(types(EventType.ACCOUNT_CREATED), timedelta(days=1)),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        change = seen["keys"]
        if change is None and seen["profile"] is not None and CONTACTS & set(seen["profile"]["changed"]):
            change = seen["profile"]
        if change is None or self.settled(event, seen["device_id_since"], self.settled_after):
            return None  # a forgotten password on one's own phone
        home = own(event, seen, "access", settled=self.settled_after)
        forgot = change["type"] == EventType.PASSWORD_RESET and seen["wrong"] >= self.forgetful
        mild = forgot or seen["created"] or not elsewhere(event, seen)
        severity, suggests = (Severity.MEDIUM, Action.CHALLENGE) if mild else (Severity.HIGH, Action.LOCK)
        if not seen["created"] and (home or (seen["member_since"] and not another(event, seen, "device_id"))):
            severity, suggests = Severity.LOW, Action.NOTIFY  # at home, or on the only device we ever saw them on
        passed = event.occurred_at - change["occurred_at"]
        text = f"{WORDS[change['type']]} {spoken(passed)} before this payment, which came from a device "
        text += f"not known for {spoken(self.settled_after)}. After {spoken(self.window)} it would have passed."
        minutes, allowed = (round(span / timedelta(minutes=1), 1) for span in (passed, self.window))
        return self.signal(text, observed=minutes, threshold=allowed, severity=severity, suggests=suggests)
