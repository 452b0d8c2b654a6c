from datetime import timedelta
from decimal import Decimal

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import SPENT, WHO, another, guessed, total, who
from detection.kernel.features import Baseline, Count, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, Action, EventType, Family, Severity
from detection.kernel.words import from_euros, money, spoken

PAID, TRIED = types(EventType.TRANSACTION_SUCCEEDED), types(EventType.TRANSACTION_ATTEMPTED)


@rule
class LargeTransactionNewDevice(Rule):
    """A payment far above what is usual, from a device that has not been the member's for long."""

    id = "large-transaction-new-device"
    title = "Large payment from a new device"
    severity = Severity.HIGH
    family = Family.AMOUNT
    listens_to = PAID | TRIED
    suggests = Action.LOCK

    limit: Decimal = Decimal(1000)  # in euros or their like, where the member has no habit yet
    floor: Decimal = Decimal(300)  # in euros or their like: nothing below is large, whatever the habit
    tails: float = 6.0  # robust deviations above the member's own median
    looks: int = 3  # pages seen before the payment
    settled_after: timedelta = timedelta(days=3)
    lock_from: float = 4.0  # how strange device, line and country have to be to a member who came before

    def needs(self) -> dict[str, Wish]:
        return {
            **WHO,
            "browsed": Count(frozenset(BROWSING), timedelta(hours=3), per="session"),
            **{name: SPENT[name] for name in ("guesses", "change")},
            "paid": Baseline(PAID),
            "tried": Baseline(TRIED),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.member_id is None or event.device_id is None or event.currency is None or event.amount is None:
            return None
        usual = self._usual(event.currency, seen["paid"] or seen["tried"])
        if usual is None or event.amount < usual or self.settled(event, seen["device_id_since"], self.settled_after):
            return None
        mild = self.settled(event, seen["ip_since"], self.settled_after)  # a new phone on the sofa, or nothing
        mild = mild or (seen["browsed"] >= self.looks and not another(event, seen, "device_id"))  # to compare with
        mild = mild or (seen["visits"] > 0 and total(who(event, seen)) < self.lock_from and not guessed(seen))
        text = f"A payment of {money(event.amount, event.currency)} was made from a device that has been this account's"
        text += f" for less than {spoken(self.settled_after)}. Below {money(usual, event.currency)} would have passed."
        severity, suggests = (Severity.MEDIUM, Action.CHALLENGE) if mild else (Severity.HIGH, Action.LOCK)
        return self.signal(text, observed=event.amount, threshold=usual, severity=severity, suggests=suggests)

    def _usual(self, currency: str, habit: dict[str, float] | None) -> Decimal | None:
        """From where on a payment is large; None when nothing tells."""
        if habit is None:
            return from_euros(self.limit, currency)
        spread = self.tails * max(1.4826 * habit["mad"], 0.25 * habit["median"])
        return max(Decimal(f"{habit['median'] + spread:.2f}"), from_euros(self.floor, currency) or Decimal(0))
