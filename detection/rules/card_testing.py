from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Key, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

FAILED, TRIED = types(EventType.PAYMENT_FAILED), types(EventType.TRANSACTION_ATTEMPTED)
PLACES: tuple[Key, ...] = ("device", "email", "ip", "shipping")


@rule
class CardTesting(Rule):
    """One source tries card after card: a list of stolen numbers is being checked."""

    id = "card-testing"
    title = "Many cards from one source"
    severity = Severity.MEDIUM
    family = Family.PAYMENT
    listens_to = FAILED | TRIED
    suggests = Action.CHALLENGE

    limit: int = 3  # different cards refused
    address_limit: int = 4  # at an address, which people may share
    share: float = 0.5  # of all cards tried there
    many: int = 8
    window: timedelta = timedelta(hours=1)
    long_window: timedelta = timedelta(hours=24)

    def needs(self) -> dict[str, Wish]:
        card = "payment_method_id"
        return {
            f"{what} {place} {span}": Distinct(card, kinds, within, per=place)
            for place in PLACES
            for span, within in (("short", self.window), ("long", self.long_window))
            for what, kinds in (("failed", FAILED), ("tried", TRIED | FAILED))
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        for span, within in (("short", self.window), ("long", self.long_window)):
            for place in PLACES:
                failed, tried = seen[f"failed {place} {span}"], seen[f"tried {place} {span}"]
                shared = place in {"ip", "shipping"}  # a household, a parcel locker
                limit = (self.address_limit if shared else self.limit) + (shared and span == "long")
                if failed < limit or failed < self.share * tried:
                    continue
                text = (
                    f"{failed} of {tried} different cards tried from one source within {spoken(within)} were refused. "
                    f"Up to {limit - 1} would have passed as bad luck."
                )
                severity = Severity.HIGH if failed >= self.many else self.severity
                about = f"address:{event.ip}" if place == "ip" else None
                return self.signal(text, observed=failed, threshold=limit, severity=severity, about=about)
        return None
