from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import own
from detection.kernel.features import Distinct, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

SHOWN = types(EventType.PAYMENT_METHOD_ADDED, EventType.TRANSACTION_ATTEMPTED)


@rule
class ManyCardsPerMember(Rule):
    """One account shows card after card, whether they are refused or not."""

    id = "many-cards-per-member"
    title = "Many cards in one account"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = SHOWN
    suggests = Action.CHALLENGE

    limit: int = 4
    own_limit: int = 7  # on the member's own device: a new wallet is filled
    window: timedelta = timedelta(hours=1)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "cards": Distinct("payment_method_id", SHOWN, self.window),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        limit = self.own_limit if own(event, seen, "device_id", settled=self.settled_after) else self.limit
        if seen["cards"] < limit:
            return None
        text = f"{seen['cards']} different cards were shown within {spoken(self.window)}. "
        text += f"Up to {limit - 1} would have passed."
        return self.signal(text, observed=seen["cards"], threshold=limit)
