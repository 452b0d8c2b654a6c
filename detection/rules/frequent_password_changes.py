from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class FrequentPasswordChanges(Rule):
    """A password keeps changing: two people may be fighting over the account."""

    id = "frequent-password-changes"
    title = "Password changed again and again"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = types(EventType.PASSWORD_CHANGED, EventType.PASSWORD_RESET)
    suggests = Action.CHALLENGE

    most: int = 3
    window: timedelta = timedelta(days=1)

    def needs(self) -> dict[str, Wish]:
        return {"changes": Count(self.listens_to, self.window)}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if seen["changes"] <= self.most:
            return None
        within = spoken(self.window)
        text = f"The password was changed {seen['changes']} times within {within}. Up to {self.most} would have passed."
        return self.signal(text, observed=seen["changes"], threshold=self.most)
