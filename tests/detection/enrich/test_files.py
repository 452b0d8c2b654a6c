"""What an operator drops is taken up while everything runs; what cannot be read leaves things unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detection.enrich import enrich, files, geoip, network
from tests.detection.enrich import mmdb
from tests.detection.enrich.test_enrich import GOOGLE, LONDON, event


@pytest.fixture
def folder(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(files, "LOOK_EVERY", 0.0)
    geoip.forget()
    enrich([event(ip=LONDON)])
    (tmp_path / "enrich").mkdir()
    yield tmp_path / "enrich"
    geoip.forget()


def test_an_asn_file_names_number_and_owner(folder: Path) -> None:
    assert enrich([event(ip=LONDON)])[0].asn == 20712, "by what comes with the program"
    layout = {"autonomous_system_number": 64501, "autonomous_system_organization": "Sam's Lines"}
    mmdb.write(folder / files.ASN, "81.2.0.0/16", layout)
    (found,) = enrich([event(ip=LONDON)])
    assert (found.asn, found.network_owner) == (64501, "Sam's Lines"), "what is dropped wins"
    assert enrich([event(ip=LONDON, asn=64500)])[0].asn == 64500, "the sender's word stays"
    (google,) = enrich([event(ip=GOOGLE)])
    assert (google.asn, google.network_owner) == (15169, "Google"), "what it does not know stays as it was"
    assert network.built_at() == files.built_at(files.ASN) == datetime.fromtimestamp(mmdb.EPOCH, UTC)


def test_another_layout_says_the_same(folder: Path) -> None:
    mmdb.write(folder / files.ASN, "81.2.0.0/16", {"asn": "AS64501", "as_name": "Sam's"})
    (found,) = enrich([event(ip=LONDON)])
    assert (found.asn, found.network_owner) == (64501, "Sam's")


def test_a_city_file_is_taken_up_replaced_and_taken_away(folder: Path) -> None:
    assert enrich([event(ip=LONDON)])[0].city is None
    for name in ("London", "Greater London"):
        mmdb.write(folder / files.CITY, "81.2.69.0/24", {"country_code": "GB", "city": name})
        assert enrich([event(ip=LONDON)])[0].city == name
    (folder / files.CITY).unlink()
    (found,) = enrich([event(ip=LONDON)])
    assert (found.country, found.city) == ("GB", None)


def test_a_file_that_cannot_be_read_leaves_what_comes_with_the_program(folder: Path) -> None:
    (folder / files.ASN).write_bytes(b"half a file")
    (folder / files.CITY).write_bytes(b"half a file")
    (found,) = enrich([event(ip=LONDON)])
    assert (found.country, found.city, found.asn) == ("GB", None, 20712)


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+491701234567", "DE"),
        ("+442079460018", "GB"),
        ("01701234567", None),
        ("+999123456", None),
        ("+88212345", None),
    ],
)
def test_a_phone_number_tells_its_country(phone: str, country: str | None) -> None:
    assert enrich([event(phone=phone)])[0].phone_country == country


def test_throw_away_mail_is_told_from_other_mail() -> None:
    told = [enrich([event(email=mail)])[0].email_disposable for mail in ("a@mailinator.com", "a@example.com", None)]
    assert told == [True, False, None]
