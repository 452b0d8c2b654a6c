from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

VIEWED = types(EventType.PAGE_VIEWED)
#: What no shopper asks for: configuration, copies, consoles, other people's software.
HOLES = (
    "/.", ".php", ".env", ".git", "/wp-", "/cgi-bin", "/phpmyadmin", "/actuator", "/server-status", "/console",
    "/debug", ".sql", ".bak", "backup", "/etc/passwd", "../", "/solr", "/jenkins", "/manager/html", "/vendor/",
    "/config.", "%2e%2e", "<script", "union+select", "' or ",
)  # fmt: skip


@rule
class PathProbing(Rule):
    """Somebody looks for doors left open: page after page that is not there."""

    id = "path-probing"
    title = "Looking for open doors"
    severity = Severity.MEDIUM
    family = Family.BROWSING
    listens_to = VIEWED
    suggests = Action.NOTIFY

    limit: int = 10
    hole_limit: int = 3  # when the one asked for now is a known hole
    share: float = 0.4  # of the different pages asked for there
    window: timedelta = timedelta(minutes=5)
    long_window: timedelta = timedelta(hours=2)

    def needs(self) -> dict[str, Wish]:
        return {
            "refused": Distinct("refused_path", VIEWED, self.window, per="ip"),
            "slowly": Distinct("refused_path", VIEWED, self.long_window, per="ip"),
            "pages": Distinct("path", VIEWED, self.long_window, per="ip"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.refused_path is None or event.network == "bot":
            return None
        hole = any(mark in event.refused_path.lower() for mark in HOLES)
        limit = self.hole_limit if hole else self.limit
        refused = seen["slowly"]
        if refused < limit or refused < self.share * seen["pages"]:
            refused = seen["refused"]
        if refused < limit or refused < self.share * seen["pages"]:
            return None
        about = None if event.member_id else f"address:{event.ip}"
        text = f"{refused} pages that are not there were asked for within {spoken(self.long_window)}."
        return self.signal(text, observed=refused, threshold=limit, about=about)
