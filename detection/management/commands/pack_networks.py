"""Make a network file (number and owner of every address) from open lists of ranges."""

from __future__ import annotations

import csv
import hashlib
import lzma
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.enrich import packing

LISTS = ("asn-ipv4-num.csv", "asn-ipv6-num.csv")
HARD = lzma.PRESET_EXTREME | 9


class Command(BaseCommand):
    help = (
        "Make a network file from ip-location-db's lists (asn-ipv4-num.csv, asn-ipv6-num.csv: first and last address "
        "as numbers, AS number, owner). Write it to DATA_DIR/enrich/asn.mmdb, or to a name that ends in .xz to renew "
        "the bundled one."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="where the lists are")
        parser.add_argument("target", type=Path, help="the file to write")
        parser.add_argument("--built", type=_day, help="the day the lists were made (YYYY-MM-DD); today when left out")

    def handle(self, *args: Any, folder: Path, target: Path, built: int | None, **options: Any) -> None:
        names: dict[int, str] = {}
        try:
            rows = [row for name in LISTS if (folder / name).is_file() for row in _read(folder / name, names)]
            if not rows:
                raise CommandError(f"{folder} holds neither {' nor '.join(LISTS)}")
            whole = packing.pack(rows, names, built or int(time.time()))
        except ValueError as error:
            raise CommandError(f"The lists cannot be read: {error}") from error
        packed = lzma.compress(whole, preset=HARD) if target.suffix == ".xz" else whole
        aside = target.with_name(f"{target.name}.part")
        aside.write_bytes(packed)
        aside.replace(target)
        digest = hashlib.sha256(whole).hexdigest()
        self.stdout.write(f"{target}: {len(rows):,} ranges, {len(packed):,} bytes, SHA-256 unpacked {digest}")


def _read(path: Path, names: dict[int, str]) -> Iterator[packing.Range]:
    with path.open(encoding="utf-8", newline="") as lines:
        for first, last, number, owner in csv.reader(lines):
            names.setdefault(int(number), owner)
            yield int(first), int(last), int(number)


def _day(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
