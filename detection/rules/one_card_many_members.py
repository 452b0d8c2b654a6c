from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

USED = types(EventType.TRANSACTION_ATTEMPTED, EventType.PAYMENT_METHOD_ADDED)


@rule
class OneCardManyMembers(Rule):
    """One and the same card pays for account after account: they are in one hand, and the card may be stolen."""

    id = "one-card-many-members"
    title = "One card in many accounts"
    severity = Severity.MEDIUM
    family = Family.IDENTITY
    listens_to = USED
    suggests = Action.CHALLENGE

    limit: int = 4  # accounts: a couple and a child share a card
    quick_limit: int = 3  # within a day
    window: timedelta = timedelta(days=30)
    day: timedelta = timedelta(days=1)

    def needs(self) -> dict[str, Wish]:
        return {
            "members": Distinct("member_id", USED, self.window, per="payment_method"),
            "today": Distinct("member_id", USED, self.day, per="payment_method"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.member_id is None:
            return None
        for members, limit, within in (
            (seen["today"], self.quick_limit, self.day),
            (seen["members"], self.limit, self.window),
        ):
            if members >= limit:
                text = f"The same card was used in {members} accounts within {spoken(within)}. "
                text += f"Up to {limit - 1} would have passed as a family."
                return self.signal(text, observed=members, threshold=limit)
        return None
