"""Whose network an address is on, from what comes with the program."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import maxminddb
import pytest
from django.core.management import CommandError, call_command

from detection.enrich import network, packing

FIRST_OF_TEN = int.from_bytes(bytes([10, 0, 0, 0]))
FIRST_OF_SIX = 0x2A00 << 112


@pytest.mark.parametrize(
    ("ip", "asn", "owner", "kind"),
    [
        ("24.0.1.1", 7922, "Comcast Cable Communications, LLC", None),
        ("79.192.0.1", 3320, "Deutsche Telekom AG", None),
        ("172.58.9.1", 21928, "T-Mobile USA, Inc.", "mobile"),
        ("37.160.1.1", 51207, "Free Mobile SAS", "mobile"),
        ("88.198.10.1", 24940, "Hetzner", "hosting"),
        ("2a00:1450::1", 15169, "Google", "hosting"),
        ("10.1.2.3", None, None, "reserved"),
        ("no address", None, None, None),
    ],
)
def test_a_fresh_install_names_number_owner_and_kind(ip: str, asn: int | None, owner: str | None, kind: str) -> None:
    found = network.classify(ip)
    assert (found.asn, found.kind) == (asn, kind)
    assert found.owner == owner or (ip == "2a00:1450::1" and found.owner in {"Google", "Google LLC"})


def test_the_data_tells_its_age() -> None:
    assert network.built_at() == datetime(2026, 6, 17, tzinfo=UTC)


@pytest.mark.parametrize("ip", ["92.40.1.1", "31.0.4.1", "97.154.80.115", "197.210.1.1", "1.72.1.1"])
def test_addresses_of_mobile_carriers_are_known_as_such(ip: str) -> None:
    assert network.classify(ip).kind == "mobile"


def test_ranges_are_packed_and_found_again() -> None:
    ranges = [
        (FIRST_OF_TEN + 4, FIRST_OF_TEN + 4, 64500),
        (FIRST_OF_TEN + 256, FIRST_OF_TEN + 1023, 64501),
        (FIRST_OF_TEN + 512, FIRST_OF_TEN + 600, 64502),  # inside another: the wider stands
        (FIRST_OF_SIX, FIRST_OF_SIX + (1 << 96) - 1, 64501),
    ]
    long, short = "A name much longer than anybody reads " * 9, "Sam's  Lines"
    names = {64500: long, 64501: short, 64502: short} | {70000 + n: f"Number {n} of a crowd" for n in range(9000)}
    names[99999] = "Number 8999 of a crowd"  # said before, far from the beginning
    whole = packing.pack([*ranges, (0, 0, 99999)], names, 1_790_000_000)
    reader = maxminddb.open_database(io.BytesIO(whole), maxminddb.MODE_FD)

    def found(ip: str) -> tuple[int, str] | None:
        entry = reader.get(ip)
        return (entry[packing.NUMBER], entry[packing.OWNER]) if isinstance(entry, dict) else None  # type: ignore[return-value]

    assert [found(ip) for ip in ("10.0.0.3", "10.0.0.5", "10.0.4.0", "2a01::1")] == [None] * 4
    assert found("10.0.0.4") == (64500, long[: packing.LONGEST_NAME])
    for ip in ("10.0.1.0", "10.0.2.8", "10.0.3.255", "2a00::", "2a00::ffff"):
        assert found(ip) == (64501, "Sam's Lines")
    assert found("0.0.0.0") == (99999, "Number 8999 of a crowd")
    assert reader.metadata().build_epoch == 1_790_000_000


def test_open_lists_become_a_file_to_drop(tmp_path: Path) -> None:
    rows = f'{FIRST_OF_TEN},{FIRST_OF_TEN + 255},64500,"Sam, Mia & Co"\n'
    (tmp_path / "asn-ipv4-num.csv").write_text(rows, encoding="utf-8")
    call_command("pack_networks", tmp_path, tmp_path / "asn.mmdb", "--built", "2026-11-01", stdout=io.StringIO())
    with maxminddb.open_database(tmp_path / "asn.mmdb") as reader:
        assert reader.get("10.0.0.77") == {packing.NUMBER: 64500, packing.OWNER: "Sam, Mia & Co"}
        assert reader.metadata().build_epoch == datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    (tmp_path / "asn-ipv4-num.csv").write_text("no numbers\n", encoding="utf-8")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("pack_networks", tmp_path, tmp_path / "asn.mmdb")
    with pytest.raises(CommandError, match="holds neither"):
        call_command("pack_networks", tmp_path / "nowhere", tmp_path / "asn.mmdb")
