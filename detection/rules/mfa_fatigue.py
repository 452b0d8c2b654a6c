from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import own
from detection.kernel.features import Count, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

REFUSED = types(EventType.MFA_FAILED)


@rule
class MfaFatigue(Rule):
    """Somebody has the password and knocks at the second step until a code fits or the owner gives in."""

    id = "mfa-fatigue"
    title = "Knocking at the second step"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = REFUSED | types(EventType.MFA_SUCCEEDED)
    suggests = Action.NOTIFY

    limit: int = 5
    own_limit: int = 12  # on the member's own device: thick fingers, a clock that is wrong
    window: timedelta = timedelta(minutes=30)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "refused": Count(REFUSED, self.window),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        theirs = own(event, seen, "device_id", settled=self.settled_after)
        limit = self.own_limit if theirs else self.limit
        if seen["refused"] < limit:
            return None
        text = f"The second step was refused {seen['refused']} times within {spoken(self.window)}"
        if event.type == EventType.MFA_FAILED:
            text += f". Up to {limit - 1} would have passed as mistyped."
            return self.signal(text, observed=seen["refused"], threshold=limit)
        text += " before it was passed: a code may have been guessed, or somebody talked into giving it."
        return self.signal(text, observed=seen["refused"], threshold=limit, suggests=Action.CHALLENGE)
