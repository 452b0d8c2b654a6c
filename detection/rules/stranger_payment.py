from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, ranked, spending, told, total, who
from detection.kernel.features import Baseline, Count, Distinct, FirstSeen, Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, CREDENTIAL_CHANGES, Action, EventType, Family, Severity

PAID, TRIED = types(EventType.TRANSACTION_SUCCEEDED), types(EventType.TRANSACTION_ATTEMPTED)
MONEY = TRIED | types(EventType.GIFT_CARD_REDEEMED, EventType.PAYOUT_REQUESTED)


@rule
class StrangerPayment(Rule):
    """Device, network, amount and what went before together say that somebody else is spending this member's money."""

    id = "stranger-payment"
    title = "A payment that looks like somebody else's"
    severity = Severity.MEDIUM
    family = Family.DEVICE
    listens_to = MONEY
    suggests = Action.CHALLENGE

    ask_from: float = 5.1  # the natural logarithm of how much likelier a stranger is
    lock_from: float = 9.0
    usual_euros: float = 150.0  # where the member has no habit yet
    recently: timedelta = timedelta(hours=24)

    def needs(self) -> dict[str, Wish]:
        return {
            **WHO,
            "habit": Baseline(PAID, least=3),
            "card_since": FirstSeen("payment_method_id"),
            "guesses": Count(types(EventType.LOGIN_FAILED), timedelta(hours=3)),
            "guessed_from": Distinct("ip", types(EventType.LOGIN_FAILED), timedelta(hours=3)),
            "change": Last(types(*CREDENTIAL_CHANGES), self.recently),
            "spent": Count(MONEY, timedelta(hours=12), per="device"),
            "browsed": Count(frozenset(BROWSING), self.recently, per="session"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        facts = who(event, seen)
        if event.member_id is None or not facts:
            return None
        facts += spending(event, seen, usual_euros=self.usual_euros)
        worth = total(facts)
        if worth < self.ask_from:
            return None
        text = f"This payment comes with {told(facts)}: together they seldom belong to an account's owner."
        if worth >= self.lock_from and len(facts) > 2:
            grave = self.signal(
                text, observed=worth, threshold=self.ask_from, severity=Severity.HIGH, suggests=Action.LOCK
            )
            return ranked(grave, worth - self.lock_from)
        return ranked(self.signal(text, observed=worth, threshold=self.ask_from), worth - self.ask_from)
