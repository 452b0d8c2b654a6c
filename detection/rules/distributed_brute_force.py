from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken


@rule
class DistributedBruteForce(Rule):
    """One member's password is guessed from many addresses, a little from each."""

    id = "distributed-brute-force"
    title = "Password guessed from many addresses"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = types(EventType.LOGIN_FAILED)
    suggests = Action.NOTIFY

    addresses: int = 4
    tries: int = 5
    window: timedelta = timedelta(hours=3)

    def needs(self) -> dict[str, Wish]:
        return {
            "tries": Count(self.listens_to, self.window),
            "addresses": Distinct("ip", self.listens_to, self.window),
            "lines": Distinct("access", self.listens_to, self.window),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if seen["addresses"] < self.addresses or seen["tries"] < self.tries or seen["lines"] < 2:
            return None
        text = (
            f"{seen['tries']} sign-ins failed within {spoken(self.window)}, from {seen['addresses']} addresses. "
            f"From up to {self.addresses - 1} they would have passed as somebody on the move."
        )
        return self.signal(text, observed=seen["addresses"], threshold=self.addresses)
