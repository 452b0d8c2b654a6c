from datetime import timedelta

from detection.kernel.detector import Assurance, Seen, rule
from detection.kernel.features import Count, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import ASSURED, EventType
from detection.kernel.words import spoken


@rule
class LongCleanHistory(Assurance):
    """Many payments and no chargeback, on a device that was there for them. A thief inherits a member's past, so it
    speaks for a known device only."""

    id = "long-clean-history"
    title = "A long clean history"
    listens_to = ASSURED

    lowers: int = 10
    payments: int = 10
    within: timedelta = timedelta(days=90)
    clean_for: timedelta = timedelta(days=365)
    settled_after: timedelta = timedelta(days=30)

    def needs(self) -> dict[str, Wish]:
        return {
            "paid": Count(types(EventType.TRANSACTION_SUCCEEDED), self.within),
            "charged_back": Count(types(EventType.CHARGEBACK_RECEIVED), self.clean_for),
            "device_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.member_id is None or not self.settled(event, seen["device_since"], self.settled_after):
            return None
        paid = seen["paid"] - (event.type == EventType.TRANSACTION_SUCCEEDED)  # the one that is judged proves nothing
        if paid < self.payments or seen["charged_back"]:
            return None
        text = f"This account made {paid} payments in {spoken(self.within)}, and none was charged back."
        return self.assure(text, observed=paid, threshold=self.payments)
