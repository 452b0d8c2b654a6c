"""Where people are: public address ranges of households, carriers, offices, data centres and relays, by country.

Those of a country belong to two or more of its real providers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Country:
    """A country, its clock against UTC in hours, its money (and how much of it makes a euro), and its home networks."""

    code: str
    clock: int
    currency: str
    per_euro: float
    networks: tuple[str, ...]

    def address(self, rng: Random) -> str:
        """A household's address."""
        return f"{rng.choice(self.networks)}.{rng.randint(0, 255)}.{rng.randint(2, 250)}"


def _country(code: str, clock: int, currency: str, per_euro: float, networks: str) -> Country:
    return Country(code, clock, currency, per_euro, tuple(networks.split()))


COUNTRIES = {
    made.code: made
    for made in (
        _country("GB", 0, "GBP", 0.85, "5.80 5.81 62.252 62.253 2.97 2.98 2.120 2.121"),
        _country("DE", 1, "EUR", 1, "2.160 2.161 2.200 2.201 46.142 62.214 2.208 2.209"),
        _country("FR", 1, "EUR", 1, "2.3 2.4 62.147 78.192 5.48 5.49 37.64 37.65"),
        _country("NL", 1, "EUR", 1, "24.132 31.136 31.160 31.161 31.20 31.21"),
        _country("ES", 1, "EUR", 1, "2.136 2.137 2.155 5.224 37.11 37.14"),
        _country("IT", 1, "EUR", 1, "2.112 2.113 2.224 2.225 2.32 2.33"),
        _country("PL", 1, "PLN", 4.3, "5.184 31.60 77.252 77.253 78.88 81.190"),
        _country("SE", 1, "SEK", 11.3, "2.248 2.249 37.2 37.3 98.128 158.174"),
        _country("US", -5, "USD", 1.1, "24.0 24.1 63.0 63.1 24.250 24.251 24.107 12.55"),
        _country("TR", 3, "TRY", 45, "78.163 78.164 78.165 5.24 5.25 5.46"),
        _country("RO", 2, "RON", 5, "5.12 5.13 86.34 89.120 31.5 46.97"),
        _country("UA", 2, "UAH", 46, "37.53 37.54 37.57 109.87 5.248 37.115"),
        _country("VN", 7, "VND", 28000, "14.160 14.161 1.52 1.53 27.64 27.65"),
        _country("NG", 1, "NGN", 1700, "102.88 102.89 105.114 105.115 154.113"),
        _country("ID", 7, "IDR", 18000, "36.64 36.65 36.67 39.192 39.193"),
        _country("BR", -3, "BRL", 6.2, "177.32 177.33 187.12 177.16 177.30"),
        _country("JP", 9, "JPY", 165, "1.112 1.113 14.8 58.88 39.110 1.72"),
        _country("AU", 10, "AUD", 1.7, "1.120 1.121 1.40 1.41 14.200"),
        _country("AT", 1, "EUR", 1, "46.74 46.75 46.124 46.125 46.220"),
        _country("PT", 0, "EUR", 1, "2.80 2.81 79.168 79.169 77.54"),
    )
}
HOMES = ("GB", "GB", "DE", "DE", "DE", "FR", "FR", "NL", "ES", "IT", "PL", "US")  # where members live
HOLIDAYS = ("ES", "IT", "PT", "FR", "AT", "TR", "US", "JP", "GB")
AFAR = ("VN", "NG", "ID", "BR", "UA", "RO", "TR", "US")  # where much abuse comes from; most people there are honest
NEIGHBOURS = {"GB": "FR", "DE": "AT", "FR": "ES", "NL": "DE", "ES": "PT", "IT": "AT", "PL": "DE", "US": "GB"}

DATA_CENTRES = ("2.28.10", "2.29.10", "3.8.10", "3.248.10", "3.2.10", "4.180.10", "4.176.10", "3.0.10")
RELAYS = ("172.225.200", "172.226.200", "172.226.10")  # of a phone maker: its owners seem to be elsewhere
CRAWLERS = ("66.249.66",)  # a search engine's own

#: A carrier puts thousands of phones behind a few addresses; offices do it with desks.
CARRIER_GATEWAYS = 6


def data_centre(rng: Random) -> str:
    return f"{rng.choice(DATA_CENTRES)}.{rng.randint(2, 250)}"


def relay(rng: Random) -> str:
    return f"{rng.choice(RELAYS)}.{rng.randint(2, 250)}"


def crawler(rng: Random) -> str:
    return f"{rng.choice(CRAWLERS)}.{rng.randint(2, 120)}"


def carrier(country: Country, rng: Random) -> str:
    """One of the few addresses the phones of a country come from."""
    return f"{country.networks[-1]}.200.{10 + rng.randrange(CARRIER_GATEWAYS)}"


AGENTS = {
    "phone": (
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1"
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Mobile Safari/537.36"
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Mobile Safari/537.36"
        ),
    ),
    "desk": (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Safari/537.36"
        ),
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Safari/605.1.15"
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
        ),
    ),
    "machine": ("python-requests/2.32.5", "Go-http-client/2.0", "curl/8.11.0"),
    "crawler": ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",),
}
