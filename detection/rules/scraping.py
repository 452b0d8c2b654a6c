from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, Action, Family, Severity
from detection.kernel.words import spoken

MACHINES = frozenset({"headless", "library", "bot"})


@rule
class Scraping(Rule):
    """A program is reading the shop, page after page."""

    id = "scraping"
    title = "Pages read by a machine"
    severity = Severity.MEDIUM
    family = Family.BROWSING
    listens_to = frozenset(BROWSING)
    suggests = Action.NOTIFY

    limit: int = 100
    machine_limit: int = 40  # from a data centre, or by what calls itself a program
    address_limit: int = 300  # by address alone: many people may share it
    window: timedelta = timedelta(minutes=10)

    def needs(self) -> dict[str, Wish]:
        return {
            "pages": Distinct("path", self.listens_to, self.window, per="subject"),
            "address_pages": Distinct("path", self.listens_to, self.window, per="ip"),
            "agents": Distinct("user_agent", self.listens_to, self.window, per="ip"),
            "sessions": Distinct("session_id", self.listens_to, self.window, per="ip"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.network == "bot":
            return None  # search engines, by their published addresses
        pages, limit = seen["pages"], self.limit
        if event.network == "hosting" or event.agent_kind in MACHINES:
            limit = self.machine_limit
        elif event.subject == f"address:{event.ip}" and (seen["agents"] != 1 or seen["sessions"]):
            limit = self.address_limit  # perhaps many people; one agent that keeps no session is one machine
        if pages < limit:
            pages, limit = seen["address_pages"], self.address_limit
        if pages < limit:
            return None
        within = spoken(self.window)
        text = f"{pages} different pages were opened within {within}. Fewer than {limit} would have passed."
        return self.signal(text, observed=pages, threshold=limit)
