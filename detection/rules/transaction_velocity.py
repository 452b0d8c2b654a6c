from datetime import timedelta
from decimal import Decimal

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import own
from detection.kernel.features import Count, Distinct, FirstSeen, Sum, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import from_euros, money, spoken


@rule
class TransactionVelocity(Rule):
    """Payments follow each other faster, or add up higher, than shopping does."""

    id = "transaction-velocity"
    title = "Many payments in a short time"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = types(EventType.TRANSACTION_ATTEMPTED)
    suggests = Action.CHALLENGE

    limit: int = 6
    own_limit: int = 12  # on the member's own device: a spree, presents for the family
    window: timedelta = timedelta(minutes=15)
    most: Decimal = Decimal(3000)  # in euros or their like, over at least three payments
    long_window: timedelta = timedelta(hours=1)
    settled_after: timedelta = timedelta(days=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "payments": Count(self.listens_to, self.window, per="subject"),
            "orders": Distinct("order_id", self.listens_to, self.window, per="subject"),
            "hourly": Count(self.listens_to, self.long_window, per="subject"),
            "hourly_orders": Distinct("order_id", self.listens_to, self.long_window, per="subject"),
            "spent": Sum(self.listens_to, self.long_window, per="subject"),
            "member_since": FirstSeen("member_id"),
            "device_id_since": FirstSeen("device_id"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        theirs = own(event, seen, "device_id", settled=self.settled_after)
        limit = self.own_limit if theirs else self.limit
        count = seen["orders"] or seen["payments"]  # tries to pay one order are one payment
        if count >= limit:
            text = f"{count} payments were started within {spoken(self.window)}. Up to {limit - 1} would have passed."
            return self.signal(text, observed=count, threshold=limit)
        most = from_euros(self.most, event.currency)
        hourly, orders = seen["hourly"], seen["hourly_orders"]
        if theirs or most is None or hourly < 3 or 0 < orders < 3 or seen["spent"] < most:
            return None
        spent, allowed = money(seen["spent"], event.currency or ""), money(most, event.currency or "")
        text = (
            f"Payments of {spent} together were started within {spoken(self.long_window)} from a new device. "
            f"Below {allowed} would have passed."
        )
        return self.signal(text, observed=seen["spent"], threshold=most)
