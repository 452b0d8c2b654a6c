"""Where a phone number is from, by its international prefix."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=20_000)
def country_of(phone: str) -> str | None:
    """The country of a number in international form (+49…), as ISO 3166-1 alpha-2; None for any other number, for one
    that cannot exist, and for those that belong to no country (satellites, freephone)."""
    if not phone.startswith("+"):
        return None
    import phonenumbers  # its tables are loaded by the first who asks

    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    return region if region and region.isalpha() else None


def calling_code(phone: str) -> str:
    """What a number in international form begins with (+49), a whole continent's at times (+1); its first three digits
    where the plans know none."""
    import phonenumbers

    try:
        return f"+{phonenumbers.parse(phone).country_code}"
    except phonenumbers.NumberParseException:
        return phone[:4]


def built_by() -> str:
    """Which edition of the numbering plans is at hand."""
    import phonenumbers

    return str(phonenumbers.__version__)
