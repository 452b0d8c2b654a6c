from datetime import timedelta

from detection.kernel.detector import Assurance, Seen, rule
from detection.kernel.features import Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import ASSURED, EventType, Trust
from detection.kernel.words import spoken


@rule
class StepUpPassed(Assurance):
    """A second factor was entered in this very session a moment ago, on the same device."""

    id = "step-up-passed"
    title = "A second factor, a moment ago"
    listens_to = ASSURED

    lowers: int = 20
    within: timedelta = timedelta(minutes=15)

    def needs(self) -> dict[str, Wish]:
        return {"passed": Last(types(EventType.MFA_SUCCEEDED), self.within, per="session")}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        passed = seen["passed"]
        if event.member_id is None or passed is None or passed["member_id"] != event.member_id:
            return None
        if passed["device_id"] != event.device_id or passed.get("trust", Trust.LOW) < Trust.NORMAL:
            return None
        ago = spoken(event.occurred_at - passed["occurred_at"])
        text = f"A second factor was entered in this session {ago} before."
        return self.assure(text, observed=ago, threshold=spoken(self.within))
