from datetime import timedelta

from detection.kernel.detector import Assurance, Seen, rule
from detection.kernel.evidence import PEOPLE
from detection.kernel.features import FirstSeen, Wish
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import ASSURED
from detection.kernel.words import spoken


@rule
class KnownNetwork(Assurance):
    """It comes from an address this account has been used from for long. Little on its own: addresses are shared."""

    id = "known-network"
    title = "A network known for long"
    listens_to = ASSURED

    lowers: int = 5
    settled_after: timedelta = timedelta(days=14)

    def needs(self) -> dict[str, Wish]:
        return {"address_since": FirstSeen("ip")}

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        since = seen["address_since"]
        if event.member_id is None or not self.settled(event, since, self.settled_after):
            return None
        if event.network not in PEOPLE:  # anybody can rent a server, a tunnel or an exit
            return None
        known_for = spoken(event.occurred_at - since)
        text = f"The network has been this account's for {known_for}."
        return self.assure(text, observed=known_for, threshold=spoken(self.settled_after))
