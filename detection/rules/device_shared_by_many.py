from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import own
from detection.kernel.features import Distinct, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

ENTERED = types(EventType.LOGIN_SUCCEEDED)


@rule
class DeviceSharedByMany(Rule):
    """One device enters account after account: somebody works through a list of stolen ones."""

    id = "device-shared-by-many"
    title = "One device in many accounts"
    severity = Severity.MEDIUM
    family = Family.DEVICE
    listens_to = ENTERED
    suggests = Action.CHALLENGE

    limit: int = 5  # accounts: a family shares a tablet
    window: timedelta = timedelta(days=1)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "members": Distinct("member_id", ENTERED, self.window, per="device"),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if seen["members"] < self.limit or own(event, seen, "device_id", settled=self.settled_after):
            return None
        text = f"{seen['members']} accounts were entered on this device within {spoken(self.window)}. "
        text += f"Up to {self.limit - 1} would have passed as a family."
        return self.signal(text, observed=seen["members"], threshold=self.limit)
