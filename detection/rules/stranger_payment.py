from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import MONEY, SPENT, WHO, ranked, spending, told, total, who
from detection.kernel.features import Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, Family, Severity


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
    note_from: float = 4.2  # said to staff, and the member is left in peace
    usual_euros: float = 150.0  # where the member has no habit yet

    def needs(self) -> dict[str, Wish]:
        return {**WHO, **SPENT}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        facts = who(event, seen)
        if event.member_id is None or not facts:
            return None
        facts += spending(event, seen, usual_euros=self.usual_euros)
        worth = total(facts)
        if worth < self.note_from:
            return None
        text = f"This payment comes with {told(facts)}: together they seldom belong to an account's owner."
        if worth >= self.lock_from and len(facts) > 2:
            found = self.signal(
                text, observed=worth, threshold=self.ask_from, severity=Severity.HIGH, suggests=Action.LOCK
            )
            return ranked(found, worth - self.lock_from)
        if worth >= self.ask_from:
            return ranked(self.signal(text, observed=worth, threshold=self.ask_from), worth - self.ask_from)
        found = self.signal(
            text, observed=worth, threshold=self.note_from, severity=Severity.LOW, suggests=Action.NOTIFY
        )
        return ranked(found, worth - self.note_from)
