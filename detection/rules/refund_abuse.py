from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Sum, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import money, spoken

ASKED, PAID = types(EventType.REFUND_REQUESTED), types(EventType.TRANSACTION_SUCCEEDED)


@rule
class RefundAbuse(Rule):
    """More money is asked back than shopping explains: goods may be kept, or refunds sent to a stranger."""

    id = "refund-abuse"
    title = "Refunds again and again"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = ASKED
    suggests = Action.CHALLENGE

    limit: int = 5
    share: float = 0.6  # of the payments of the same time
    beyond: float = 1.5  # times what was paid, over at least ``least`` refunds
    least: int = 3
    window: timedelta = timedelta(days=30)

    def needs(self) -> dict[str, Wish]:
        return {
            "refunds": Count(ASKED, self.window),
            "orders": Count(PAID, self.window),
            "asked": Sum(ASKED, self.window),
            "paid": Sum(PAID, self.window),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        refunds, orders = seen["refunds"], seen["orders"]
        if event.member_id is None or refunds < self.least:
            return None
        if refunds >= self.limit and refunds >= self.share * orders:
            text = f"{refunds} refunds were asked for within {spoken(self.window)}, and {orders} payments made. "
            text += f"Up to {self.limit - 1} would have passed."
            return self.signal(text, observed=refunds, threshold=self.limit)
        if not seen["paid"] or float(seen["asked"]) < self.beyond * float(seen["paid"]):
            return None
        asked, paid = (money(seen[name], event.currency or "") for name in ("asked", "paid"))
        text = f"{asked} were asked back within {spoken(self.window)}, and only {paid} paid."
        return self.signal(text, observed=seen["asked"], threshold=seen["paid"])
