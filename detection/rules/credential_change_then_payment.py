from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import CONTACTS, FAILED, MONEY, WHO, another, elsewhere, own, total, who
from detection.kernel.features import Count, Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

KEYS = types(EventType.PASSWORD_CHANGED, EventType.PASSWORD_RESET, EventType.MFA_DISABLED)
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
    listens_to = MONEY
    suggests = Action.LOCK

    window: timedelta = timedelta(hours=1)
    settled_after: timedelta = timedelta(days=3)
    forgetful: int = 2  # wrong passwords before a reset
    lock_from: float = 4.0  # how strange device, line and country have to be to the member

    def needs(self) -> dict[str, Wish]:
        return {
            **WHO,
            "keys": Last(KEYS, self.window),
            "profile": Last(types(EventType.PROFILE_CHANGED), self.window),
            "wrong": Count(FAILED, self.window),
            "created": Count(types(EventType.ACCOUNT_CREATED), timedelta(days=1)),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        contacts = seen["profile"] if seen["profile"] and CONTACTS & set(seen["profile"]["changed"]) else None
        change = seen["keys"] or contacts
        if change is None or self.settled(event, seen["device_id_since"], self.settled_after):
            return None  # a forgotten password on one's own phone
        reset = change["type"] == EventType.PASSWORD_RESET
        only = seen["member_since"] and not another(event, seen, "device_id")
        if (only or own(event, seen, "access")) and not seen["created"] and not (reset and contacts):
            return None  # on the home line, or on the only device we ever saw
        mild = seen["created"] or not elsewhere(event, seen) or total(who(event, seen)) < self.lock_from
        sure = not mild and (contacts or not reset or seen["wrong"] < self.forgetful)
        severity, suggests = (Severity.HIGH, Action.LOCK) if sure else (Severity.MEDIUM, Action.CHALLENGE)
        passed = event.occurred_at - change["occurred_at"]
        text = f"{WORDS[change['type']]} {spoken(passed)} before this payment, made on a device not known for "
        text += f"{spoken(self.settled_after)}. After {spoken(self.window)} it would have passed."
        took, most = (round(span / timedelta(minutes=1), 1) for span in (passed, self.window))
        return self.signal(text, observed=took, threshold=most, severity=severity, suggests=suggests)
