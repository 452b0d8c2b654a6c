from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import WHO, Fact, own, ranked, told, total, who
from detection.kernel.features import Count, Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity

FAILED = types(EventType.LOGIN_FAILED)


@rule
class NewDeviceAndNetwork(Rule):
    """Nothing about this sign-in is the member's: neither the device nor where it came from."""

    id = "new-device-and-network"
    title = "Sign-in by somebody new in every way"
    severity = Severity.MEDIUM
    family = Family.PLACE
    listens_to = types(EventType.LOGIN_SUCCEEDED)
    suggests = Action.CHALLENGE

    ask_from: float = 6.0  # the natural logarithm of how much likelier a stranger is
    note_from: float = 4.2  # said to staff, and the member is left in peace

    def needs(self) -> dict[str, Wish]:
        return {
            **WHO,
            "guesses": Count(FAILED, timedelta(hours=3)),
            "guessed_here": Distinct("member_id", FAILED, timedelta(hours=3), per="ip"),
            "entered_here": Distinct("member_id", self.listens_to, timedelta(days=1), per="device"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        facts = who(event, seen)
        if event.member_id is None or sum(fact.worth > 0 for fact in facts) < 2:
            return None
        if seen["guesses"] >= 3:
            facts.append(Fact("wrong passwords shortly before", 1.5 if seen["guesses"] >= 5 else 0.7))
        if seen["guessed_here"] >= max(3, 2 * seen["neighbours_today"]):  # where most get in, a few mistype
            facts.append(Fact("an address that tried other accounts", 2.5))
        if seen["entered_here"] >= 3 and not own(event, seen, "ip"):  # a family's tablet is at home
            facts.append(Fact("a device that entered other accounts today", 2.0))
        worth = total(facts)
        if worth < self.note_from:
            return None
        text = f"This sign-in came with {told(facts)}: together they seldom belong to an account's owner."
        if worth < self.ask_from:
            low = self.signal(
                text, observed=worth, threshold=self.note_from, severity=Severity.LOW, suggests=Action.NOTIFY
            )
            return ranked(low, worth - self.note_from)
        return ranked(self.signal(text, observed=worth, threshold=self.ask_from), worth - self.ask_from)
