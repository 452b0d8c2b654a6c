from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, fresh, own, total, who
from detection.kernel.features import Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class PayoutAfterBeneficiaryChange(Rule):
    """A new account to pay out to was named, and money leaves for it right after, from a device that is not known."""

    id = "payout-after-beneficiary-change"
    title = "Payout right after a new beneficiary"
    severity = Severity.HIGH
    family = Family.PAYMENT
    listens_to = types(EventType.PAYOUT_REQUESTED)
    suggests = Action.LOCK

    window: timedelta = timedelta(hours=24)
    lock_from: float = 4.0  # how strange device, line and country have to be to the member
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {**WHO, "added": Last(types(EventType.BENEFICIARY_ADDED), self.window)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        added = seen["added"]
        if added is None:
            return None
        elsewhere = added["device_id"] != event.device_id  # named on another device than it is asked for on
        young = seen["member_since"] is None or event.occurred_at - seen["member_since"] < self.window
        theirs = own(event, seen, "device_id", settled=self.settled_after)
        theirs = theirs or not fresh(event, seen, "device_id", settled=self.settled_after)
        if theirs and not elsewhere and not young:
            return None  # a seller who opened another bank account
        passed = event.occurred_at - added["occurred_at"]
        text = (
            f"A new account to pay out to was named {spoken(passed)} before this payout, and the device is not known "
        )
        text += f"for {spoken(self.settled_after)}. After {spoken(self.window)} it would have passed."
        took, most = (round(span / timedelta(minutes=1), 1) for span in (passed, self.window))
        sure = total(who(event, seen)) >= self.lock_from
        severity, suggests = (Severity.HIGH, Action.LOCK) if sure else (Severity.MEDIUM, Action.CHALLENGE)
        return self.signal(text, observed=took, threshold=most, severity=severity, suggests=suggests)
