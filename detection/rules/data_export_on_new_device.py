from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, fresh, told, total, who
from detection.kernel.features import Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import CREDENTIAL_CHANGES, Action, EventType, Family, Severity


@rule
class DataExportOnNewDevice(Rule):
    """Everything kept about a member is carried away by somebody who is not like them."""

    id = "data-export-on-new-device"
    title = "Data taken out by somebody new"
    severity = Severity.MEDIUM
    family = Family.DEVICE
    listens_to = types(EventType.DATA_EXPORTED)
    suggests = Action.CHALLENGE

    ask_from: float = 2.5  # the natural logarithm of how much likelier a stranger is
    lock_from: float = 4.0  # where credentials or contacts were changed just before
    lately: timedelta = timedelta(days=1)

    def needs(self) -> dict[str, Wish]:
        return {**WHO, "change": Last(types(*CREDENTIAL_CHANGES), self.lately)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        facts = who(event, seen)
        worth = total(facts)
        if worth < self.ask_from or not fresh(event, seen, "device_id"):
            return None
        text = f"The account's data was taken out from {told(facts)}. From a known device it would have passed."
        if seen["change"] is None or worth < self.lock_from:
            return self.signal(text, observed=worth, threshold=self.ask_from)
        high, lock = Severity.HIGH, Action.LOCK
        return self.signal(text, observed=worth, threshold=self.lock_from, severity=high, suggests=lock)
