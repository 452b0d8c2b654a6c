from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, FirstSeen, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class PaymentFailureBurst(Rule):
    """Someone is trying cards until one works."""

    id = "payment-failure-burst"
    title = "Repeated failed payments"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = types(EventType.PAYMENT_FAILED)
    suggests = Action.CHALLENGE

    limit: int = 3
    same_limit: int = 6  # of one and the same card: an expired one is tried again and again
    own_limit: int = 15  # of the same card on the member's own device: an app that retries
    many_cards: int = 5  # so many different ones are a list being tested
    window: timedelta = timedelta(minutes=10)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "failures": Count(self.listens_to, self.window, per="subject"),
            "cards": Distinct("payment_method_id", self.listens_to, self.window, per="subject"),
            "device_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        failures, cards = seen["failures"], seen["cards"]
        limit = self.limit
        if cards == 1:
            own = self.settled(event, seen["device_since"], self.settled_after)
            limit = self.own_limit if own else self.same_limit
        if failures < limit:
            return None
        with_cards = f" with {cards} different payment methods" if cards > 1 else ""
        text = (
            f"{failures} payments failed within {spoken(self.window)}{with_cards}. "
            f"Up to {limit - 1} would have passed as bad luck."
        )
        severity = Severity.HIGH if cards >= self.many_cards else Severity.MEDIUM
        return self.signal(text, observed=failures, threshold=limit, severity=severity)
