from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

ASKED = types(EventType.PASSWORD_RESET_REQUESTED)


@rule
class AccountEnumeration(Rule):
    """One address asks for new passwords of account after account: it learns who has one, or floods mailboxes."""

    id = "account-enumeration"
    title = "New passwords asked for account after account"
    severity = Severity.MEDIUM
    family = Family.CREDENTIALS
    listens_to = ASKED
    suggests = Action.NOTIFY

    limit: int = 6  # accounts, in a short while
    long_limit: int = 10  # in a day: offices and carriers share an address
    window: timedelta = timedelta(minutes=30)
    long_window: timedelta = timedelta(days=1)

    def needs(self) -> dict[str, Wish]:
        return {
            f"{field} {span}": Distinct(field, ASKED, within, per="ip")
            for field in ("member_id", "email")
            for span, within in (("short", self.window), ("long", self.long_window))
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        for span, limit, within in (
            ("short", self.limit, self.window),
            ("long", self.long_limit, self.long_window),
        ):
            names = max(seen[f"member_id {span}"], seen[f"email {span}"])  # an app may tell both of one account
            if names >= limit:
                text = f"New passwords for {names} accounts were asked for from one address within {spoken(within)}. "
                text += f"Up to {limit - 1} would have passed."
                return self.signal(text, observed=names, threshold=limit, about=f"address:{event.ip}")
        return None
