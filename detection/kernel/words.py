"""How durations and amounts are said to people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)

#: Roughly how much of a currency makes a euro. Good enough to tell large from small, never used to reckon money.
PER_EURO: dict[str, float] = {
    "EUR": 1, "USD": 1.1, "GBP": 0.85, "CHF": 0.95, "SEK": 11.3, "NOK": 11.6, "DKK": 7.5, "ISK": 145, "PLN": 4.3,
    "CZK": 25, "HUF": 400, "RON": 5, "BGN": 2, "TRY": 45, "UAH": 46, "RUB": 95, "ILS": 4, "AED": 4, "SAR": 4.1,
    "QAR": 4, "KWD": 0.34, "BHD": 0.42, "OMR": 0.42, "JOD": 0.78, "EGP": 55, "MAD": 10.8, "ZAR": 20, "NGN": 1700,
    "KES": 145, "JPY": 165, "CNY": 7.8, "HKD": 8.6, "TWD": 35, "KRW": 1550, "INR": 95, "PKR": 310, "BDT": 135,
    "LKR": 340, "IDR": 18000, "THB": 37, "VND": 28000, "PHP": 63, "MYR": 4.9, "SGD": 1.45, "AUD": 1.7, "NZD": 1.9,
    "CAD": 1.55, "MXN": 21, "BRL": 6.2, "ARS": 1500, "CLP": 1050, "COP": 4600, "PEN": 4.1,
}  # fmt: skip


def spoken(duration: timedelta) -> str:
    """A duration in the largest unit it fills: "10 minutes", "1 hour", "90 minutes", "3 days"."""
    for unit, name in _UNITS:
        count = round(duration / unit)
        if duration >= 2 * unit or (count == 1 and abs(duration - unit) < unit / 50):
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return "a second" if duration >= timedelta(seconds=1) else "less than a second"


def money(amount: Decimal, currency: str) -> str:
    """An amount with two decimals and its currency: "1,250.00 EUR"."""
    return f"{amount:,.2f} {currency}"


def from_euros(euros: Decimal, currency: str | None) -> Decimal | None:
    """Roughly what so many euros are in this currency; None where nobody told us."""
    rate = PER_EURO.get(currency or "")
    return None if rate is None else euros * Decimal(str(rate))
