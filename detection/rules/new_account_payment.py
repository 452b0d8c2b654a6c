from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.evidence import Fact, told, total
from detection.kernel.features import Count, Distinct, Last, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, Action, EventType, Family, Severity

MADE, TRIED = types(EventType.ACCOUNT_CREATED), types(EventType.TRANSACTION_ATTEMPTED)
REFUSED = types(EventType.PAYMENT_FAILED)
FAR = {"hosting": 2.0, "tor": 3.0, "vpn": 0.7}


@rule
class NewAccountPayment(Rule):
    """An account made today pays, and what little is known of it looks made up: where it was made, what else was made
    there, where the goods go."""

    id = "new-account-payment"
    title = "First payment of an account that looks made up"
    severity = Severity.MEDIUM
    family = Family.IDENTITY
    listens_to = TRIED
    suggests = Action.CHALLENGE

    ask_from: float = 2.5  # the natural logarithm of how much likelier a made-up account is
    window: timedelta = timedelta(days=1)
    long_window: timedelta = timedelta(days=7)
    hurry: timedelta = timedelta(minutes=15)

    def needs(self) -> dict[str, Wish]:
        return {
            "made": Last(MADE, self.window),
            "made_on_device": Distinct("member_id", MADE, self.window, per="device"),
            "made_here": Distinct("member_id", MADE, self.window, per="ip"),
            "sent_there": Distinct("member_id", TRIED, self.long_window, per="shipping"),
            "refused": Count(REFUSED, self.window),
            "browsed": Count(frozenset(BROWSING), self.window, per="session"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.member_id is None or seen["made"] is None:
            return None
        made, together = seen["made"], seen["made_on_device"] >= 2
        weighed = (
            (made.get("email_disposable"), "a mail address that is thrown away", 1.5),
            (event.network in FAR, "a network people hide behind", FAR.get(event.network or "", 0.0)),
            (together, "a device another account was made on today", 1.8),
            (not together and seen["made_here"] >= 2, "an address another account was made at today", 0.8),
            (seen["sent_there"] >= 3, "goods that go where other accounts sent theirs", 1.5),
            (seen["refused"], "a payment that was refused", 0.7),
            (event.occurred_at - made["occurred_at"] <= self.hurry, "hardly a pause since it was made", 0.5),
            (event.session_id and not seen["browsed"], "no look around the shop", 0.7),
        )
        facts = [Fact(words, worth) for is_so, words, worth in weighed if is_so]
        worth = total(facts)
        if worth < self.ask_from:
            return None
        text = f"This account was made today, and its payment comes with {told(facts)}."
        return self.signal(text, observed=worth, threshold=self.ask_from)
