from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, Pace, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, Action, EventType, Family, Severity

VIEWED = types(EventType.PAGE_VIEWED)


@rule
class MachinePace(Rule):
    """Pages are opened slowly but as evenly as a clock ticks: a program that hides behind a reader's speed."""

    id = "machine-pace"
    title = "Pages read by the clock"
    severity = Severity.MEDIUM
    family = Family.BROWSING
    listens_to = VIEWED
    suggests = Action.NOTIFY

    limit: int = 25  # different pages
    even: float = 0.25  # how far the pauses' quartiles lie apart, as a share of the usual pause; people are above 0.5
    least_pause: float = 0.5  # seconds: faster than that is one page fetching its parts
    window: timedelta = timedelta(hours=2)

    def needs(self) -> dict[str, Wish]:
        return {
            "pages": Distinct("path", VIEWED, self.window, per="subject"),
            "pace": Pace(VIEWED, self.window, per="subject"),
            "chosen": Count(BROWSING - VIEWED, self.window, per="subject"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        pace, pages = seen["pace"], seen["pages"]
        if pace is None or pages < self.limit or event.network == "bot":  # search engines, by their published addresses
            return None
        if seen["chosen"] or pace["median"] < self.least_pause or pace["spread"] > self.even:
            return None  # who searches and fills a cart is shopping
        text = f"{pages} different pages were opened, one every {pace['median']:.0f} seconds, as even as a clock."
        return self.signal(text, observed=round(pace["spread"], 2), threshold=self.even)
