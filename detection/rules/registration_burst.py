from datetime import timedelta

from detection.kernel.detector import Rule, Seen, rule
from detection.kernel.features import Count, Distinct, Wish, types
from detection.kernel.records import EventRecord, Signal
from detection.kernel.vocabulary import Action, EventType, Family, Severity
from detection.kernel.words import spoken

MADE, ENTERED = types(EventType.ACCOUNT_CREATED), types(EventType.LOGIN_SUCCEEDED)


@rule
class RegistrationBurst(Rule):
    """Accounts are made by the dozen on one device or at one address, for their coupons or to spend stolen cards."""

    id = "registration-burst"
    title = "Many new accounts from one source"
    severity = Severity.MEDIUM
    family = Family.IDENTITY
    listens_to = MADE | types(EventType.COUPON_REDEEMED, EventType.TRANSACTION_ATTEMPTED)
    suggests = Action.CHALLENGE

    limit: int = 3  # on one device: a family shares one
    address_limit: int = 3  # at one address, …
    share: float = 0.6  # … where so many of all who sign in are new
    window: timedelta = timedelta(days=1)

    def needs(self) -> dict[str, Wish]:
        return {
            "young": Count(MADE, self.window),
            "device": Distinct("member_id", MADE, self.window, per="device"),
            "address": Distinct("member_id", MADE, self.window, per="ip"),
            "people": Distinct("member_id", ENTERED | MADE, self.window, per="ip"),
        }

    def inspect(self, event: EventRecord, seen: Seen) -> Signal | None:
        if not seen["young"]:
            return None
        made, limit, where, about = seen["device"], self.limit, "on this device", f"device:{event.device_id}"
        if made < limit:
            made, limit, where, about = seen["address"], self.address_limit, "at this address", f"address:{event.ip}"
            if made < self.share * seen["people"]:
                return None
        if made < limit:
            return None
        text = f"{made} accounts were made {where} within {spoken(self.window)}. Up to {limit - 1} would have passed."
        return self.signal(text, observed=made, threshold=limit, about=about)
