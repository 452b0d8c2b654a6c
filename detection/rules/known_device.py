from datetime import timedelta

from detection.kernel.detector import Assurance, Seen, rule
from detection.kernel.features import FirstSeen, Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import ASSURED
from detection.kernel.words import spoken


@rule
class KnownDevice(Assurance):
    """It comes from a device that has been this account's for long."""

    id = "known-device"
    title = "A device known for long"
    listens_to = ASSURED

    lowers: int = 15
    settled_after: timedelta = timedelta(days=30)

    def needs(self) -> dict[str, Wish]:
        return {"device_since": FirstSeen("device_id")}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        since = seen["device_since"]
        if event.member_id is None or not self.settled(event, since, self.settled_after):
            return None
        known_for = spoken(event.occurred_at - since)
        text = f"The device has been this account's for {known_for}."
        return self.assure(text, observed=known_for, threshold=spoken(self.settled_after))
