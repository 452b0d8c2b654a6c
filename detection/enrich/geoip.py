"""Where an address is: the bundled country data, and a city file when the operator points at one."""

from __future__ import annotations

import logging
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Protocol

import maxminddb

from detection import conf
from detection.enrich import bundled, files, network

logger = logging.getLogger(__name__)

COUNTRIES = "countries.mmdb"
COUNTRIES_DIGEST = "c5f7c0e9bd6a6ccb5a2e9634764544a0d08bd0bd8788b8aedfac87bea184c652"  # of the unpacked file


@dataclass(frozen=True, slots=True)
class Place:
    """A place as exactly as the source knows it. ``by`` is "city" or "country"."""

    country: str | None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    by: str = "country"


class Locator(Protocol):
    """Offline data that can place a public address."""

    built_at: datetime | None

    def locate(self, ip: str) -> Place | None:
        """The place of a canonical address, or None. Raises nothing for an address it does not know."""


class FileLocator:
    """Any MaxMind-format file, nested (GeoLite2) or flat (DB-IP, IPinfo, the bundled countries)."""

    def __init__(self, reader: maxminddb.Reader) -> None:
        self._reader = reader
        self.built_at: datetime | None = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)

    def locate(self, ip: str) -> Place | None:
        try:
            entry = self._reader.get(ip)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None  # an IPv6 address in an IPv4 file, or a damaged record
        return place_of(entry) if isinstance(entry, Mapping) else None


@lru_cache(maxsize=20_000)
def locate(ip: str) -> Place | None:
    """The place of an address by the best data at hand; None for reserved, unknown or unreadable ones."""
    canonical = network.canonical(ip)
    if canonical is None or network.is_reserved(canonical):
        return None
    for locator in locators():
        place = locator.locate(canonical)
        if place is not None:
            return place
    return None


@cache
def locators() -> tuple[Locator, ...]:
    """The sources to ask, best first. A file that cannot be read is left out and said in the log, never raised."""
    found: list[Locator] = []
    dropped = files.reader(files.CITY)
    if dropped is not None:
        found.append(FileLocator(dropped))
    path = conf.current().geoip_city_db
    if path:
        try:
            found.append(FileLocator(maxminddb.open_database(path)))
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            logger.warning("The city data of GEOIP_CITY_DB is not used: %s", type(error).__name__)
    try:
        found.append(FileLocator(bundled.open_packed(COUNTRIES, COUNTRIES_DIGEST)))
    except (OSError, lzma.LZMAError, maxminddb.InvalidDatabaseError) as error:
        logger.warning("The bundled country data is not used: %s", type(error).__name__)
    return tuple(found)


def built_at() -> datetime | None:
    """When the data asked first was built; None when there is none."""
    return next((locator.built_at for locator in locators()), None)


def data_age(now: datetime | None = None) -> timedelta | None:
    """How old the data is: address data ages by the month."""
    built = built_at()
    return (now or datetime.now(UTC)) - built if built else None


def forget() -> None:
    """Drop what was opened and remembered, so that other settings or another file take effect."""
    files.forget()
    locators.cache_clear()
    locate.cache_clear()
    network.classify.cache_clear()


def centre(country: str) -> tuple[float, float] | None:
    """The point a country is known by, in degrees."""
    row = _countries().get(country.upper())
    return row[1:] if row else None


def countries() -> list[tuple[str, str, tuple[float, float]]]:
    """Every country by code, English name and point."""
    return [(code, name, (latitude, longitude)) for code, (name, latitude, longitude) in _countries().items()]


def name_of(country: str) -> str | None:
    """A country's English name by its ISO 3166-1 alpha-2 code."""
    row = _countries().get(country.upper())
    return row[0] if row else None


@cache
def _countries() -> dict[str, tuple[str, float, float]]:
    table = {}
    for line in (bundled.DATA / "countries.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, name, latitude, longitude = line.split("\t")
            table[code] = (name, float(latitude), float(longitude))
    return table


def place_of(entry: Mapping[str, Any]) -> Place | None:
    """The place a record names, as exactly as it names it."""
    country = country_in(entry)
    if country is None:
        return None
    where = entry.get("location")
    where = where if isinstance(where, Mapping) else entry
    latitude, longitude = _degrees(where.get("latitude"), 90), _degrees(where.get("longitude"), 180)
    if latitude is not None and longitude is not None:
        return Place(country, _city_in(entry), latitude, longitude, by="city")
    latitude, longitude = centre(country) or (None, None)
    return Place(country, _city_in(entry), latitude, longitude, by="country")


def country_in(entry: Mapping[str, Any]) -> str | None:
    """The country code of a record in any of the layouts in use."""
    value = entry.get("country_code") or entry.get("country") or entry.get("registered_country")
    if isinstance(value, Mapping):
        value = value.get("iso_code")
    return value.upper() if isinstance(value, str) and len(value) == 2 and value.isalpha() else None


def _city_in(entry: Mapping[str, Any]) -> str | None:
    value = entry.get("city")
    if isinstance(value, Mapping):
        names = value.get("names")
        value = names.get("en") if isinstance(names, Mapping) else None
    return value if isinstance(value, str) and value else None


def _degrees(value: Any, limit: int) -> float | None:
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        return None
    return degrees if -limit <= degrees <= limit else None
