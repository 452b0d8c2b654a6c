from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import BROWSING, MADE_AFTER_SIGN_IN, Action, Family, Severity
from detection.kernel.words import spoken


@rule
class SessionHijack(Rule):
    """One session goes on on another device somewhere else: its cookie may have been stolen."""

    id = "session-hijack"
    title = "A session in two hands"
    severity = Severity.MEDIUM
    family = Family.DEVICE
    listens_to = BROWSING | MADE_AFTER_SIGN_IN
    suggests = Action.CHALLENGE

    window: timedelta = timedelta(hours=3)

    def needs(self) -> dict[str, Wish]:
        return {
            name: Distinct(name, frozenset(), self.window, per="session") for name in ("device_id", "access", "agent")
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if event.member_id is None or event.session_id is None or seen["access"] < 2:
            return None  # a phone that changes its line keeps its device
        devices, gone = seen["device_id"], event.device_id is None and seen["device_id"] > 0
        if devices < 2 and not gone and seen["agent"] < 2:
            return None
        text = (
            f"Within {spoken(self.window)} this session was used from {max(devices + gone, seen['agent'])} devices "
            f"in {seen['access']} networks. A session belongs to one device."
        )
        if event.type in MADE_AFTER_SIGN_IN and devices > 1:  # an app that forgets to tell its device proves nothing
            return self.signal(text, observed=devices, threshold=1, severity=Severity.HIGH, suggests=Action.LOCK)
        return self.signal(text, observed=devices + gone, threshold=1)
