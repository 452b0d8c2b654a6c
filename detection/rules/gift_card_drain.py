from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class GiftCardDrain(Rule):
    """What is on members' gift cards goes to one and the same taker, or one card after the other is emptied."""

    id = "gift-card-drain"
    title = "Gift cards being emptied"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = types(EventType.GIFT_CARD_REDEEMED)
    suggests = Action.CHALLENGE

    givers: int = 2  # different members
    times: int = 4
    window: timedelta = timedelta(hours=3)
    long_window: timedelta = timedelta(days=7)

    def needs(self) -> dict[str, Wish]:
        return {
            "givers": Distinct("member_id", self.listens_to, self.long_window, per="recipient"),
            "givers_here": Distinct("member_id", self.listens_to, self.long_window, per="device"),
            "times": Count(self.listens_to, self.window),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        givers = max(seen["givers"], seen["givers_here"])
        if givers >= self.givers:
            text = f"Gift cards of {givers} accounts went to the same place within {spoken(self.long_window)}."
            return self.signal(text, observed=givers, threshold=self.givers)
        if seen["times"] < self.times:
            return None
        text = f"{seen['times']} gift cards were redeemed within {spoken(self.window)}."
        return self.signal(text, observed=seen["times"], threshold=self.times)
