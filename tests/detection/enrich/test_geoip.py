"""Where addresses are, and what happens when the data is not there."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import maxminddb
import pytest

from detection.enrich import bundled, geoip, network


@pytest.fixture(autouse=True)
def _own_data(settings, tmp_path: Path) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.DATA_DIR = tmp_path
    geoip.forget()
    yield
    geoip.forget()


def packed(name: str) -> bytes:
    return lzma.decompress((bundled.DATA / f"{name}.xz").read_bytes())


@pytest.mark.parametrize(
    ("name", "digest"),
    [(geoip.COUNTRIES, geoip.COUNTRIES_DIGEST), (network.NETWORKS, network.NETWORKS_DIGEST)],
)
def test_the_bundled_files_are_those_we_credit(name: str, digest: str) -> None:
    assert hashlib.sha256(packed(name)).hexdigest() == digest
    assert digest in (Path(__file__).parents[3] / "NOTICE").read_text(encoding="utf-8")


def test_the_data_tells_its_age() -> None:
    assert geoip.built_at() == datetime(2026, 6, 17, 19, 51, 40, tzinfo=UTC)
    assert geoip.data_age(datetime(2026, 7, 17, 19, 51, 40, tzinfo=UTC)) == timedelta(days=30)


def test_it_is_unpacked_once_and_a_damaged_copy_is_replaced(tmp_path: Path) -> None:
    assert geoip.locate("81.2.69.142").country == "GB"  # type: ignore[union-attr]
    (copy,) = (tmp_path / "cache").iterdir()
    copy.unlink()
    copy.write_bytes(b"half a file")
    geoip.forget()
    assert geoip.locate("81.2.69.142").country == "GB"  # type: ignore[union-attr]
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == geoip.COUNTRIES_DIGEST


def test_a_data_folder_that_cannot_be_written_costs_speed_only(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("in the way")
    settings.DATA_DIR = tmp_path / "file"
    geoip.forget()
    assert geoip.locate("81.2.69.142").country == "GB"  # type: ignore[union-attr]


@pytest.mark.parametrize("content", [None, b"not a database"])
def test_a_city_file_that_cannot_be_read_leaves_the_countries(  # type: ignore[no-untyped-def]
    content: bytes | None, settings, tmp_path: Path
) -> None:
    path = tmp_path / "city.mmdb"
    if content is not None:
        path.write_bytes(content)
    settings.GEOIP_CITY_DB = str(path)
    geoip.forget()
    place = geoip.locate("81.2.69.142")
    assert place is not None
    assert (place.country, place.by) == ("GB", "country")


def test_a_file_of_another_layout_is_read_too(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "any.mmdb"
    path.write_bytes(packed(geoip.COUNTRIES))
    settings.GEOIP_CITY_DB = str(path)
    geoip.forget()
    place = geoip.locate("81.2.69.142")
    assert place is not None
    assert (place.country, place.by) == ("GB", "country")  # it names no city: no more is claimed than is known


@pytest.mark.parametrize(
    "entry",
    [
        {
            "country": {"iso_code": "GB"},
            "city": {"names": {"en": "London"}},
            "location": {"latitude": 51.5, "longitude": -0.1},
        },
        {"country_code": "GB", "city": "London", "latitude": 51.5, "longitude": -0.1},
        {"country_code": "GB", "city": "London", "latitude": "51.5", "longitude": "-0.1"},
    ],
)
def test_nested_and_flat_records_say_the_same(entry: dict[str, object]) -> None:
    assert geoip.place_of(entry) == geoip.Place("GB", "London", 51.5, -0.1, by="city")


def test_a_record_with_an_impossible_point_gives_the_countrys() -> None:
    place = geoip.place_of({"country_code": "GB", "latitude": 512.0, "longitude": "east"})
    assert place is not None
    assert (place.latitude, place.by) == (53.75, "country")


def test_every_country_the_data_names_has_a_point(tmp_path: Path) -> None:
    geoip.locate("81.2.69.142")
    (copy,) = (tmp_path / "cache").iterdir()
    with maxminddb.open_database(copy) as reader:
        entries = {entry["country_code"] for _, entry in reader}  # type: ignore[call-overload, index]
    codes = {geoip.country_in({"country_code": code}) for code in entries}
    assert len(codes) > 240
    assert {code for code in codes if geoip.centre(code or "") is None} == set()
    assert geoip.name_of("gb") == "United Kingdom"
    assert geoip.name_of("ZZ") is None
