"""A great many alerts of a made-up year, written in bulk: what a page must not feel.

python -m tests.benchmarks.crowd 100000     into the database of this environment
"""

from __future__ import annotations

import os
import random
import sys
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

HANDFUL = 2000
ALERTS_A_MEMBER = 50
RULES = (
    ("failed-login-burst", "Repeated failed logins"),
    ("impossible-travel", "Impossible travel"),
    ("new-device-payment", "Large payment from a new device"),
    ("card-testing", "Cards being tried"),
    ("password-spray", "One address, many accounts"),
)
LEVELS = (("low", 1, 20), ("low", 1, 25), ("medium", 2, 45), ("medium", 2, 50), ("high", 3, 80))
STATUSES = ("resolved", "resolved", "resolved", "open", "acknowledged", "escalated")
COUNTRIES = ("GB", "DE", "FR", "US", "BR", "NG", "VN", "PL", "IN", "NL")
NETWORKS = ("hosting", "vpn", "tor", "", "", "")


def fill(number: int, *, seed: int = 7) -> None:
    """Write so many alerts about a fiftieth as many members, spread evenly over the last year, the newest just now."""
    from django.db import connection, transaction
    from django.utils import timezone

    from detection.models import Alert, AlertDetector, Member
    from detection.models.rows import Table

    dice = random.Random(seed)
    Member.objects.bulk_create(
        [Member(member_id=f"crowd-{n:05}") for n in range(max(8, number // ALERTS_A_MEMBER))],
        batch_size=HANDFUL,
        ignore_conflicts=True,
    )
    members = list(Member.objects.filter(member_id__startswith="crowd-").values_list("pk", "member_id"))
    now = timezone.now()
    key = Alert._meta.pk.get_db_prep_value
    first = _alert(0, now, members[0], dice, 0)
    alerts, spoke = Table(Alert, tuple(first)), Table(AlertDetector, ("alert_id", "detector"))
    age = timedelta(days=365) / number
    for start in range(0, number, HANDFUL):
        part = [
            _alert(n, now - age * (number - 1 - n), dice.choice(members), dice, n % len(RULES))
            for n in range(start, min(start + HANDFUL, number))
        ]
        with transaction.atomic():
            alerts.insert([_wire(row) for row in part])
            spoke.insert([(key(row["id"], connection), name) for row in part for name in row["detectors"]])


def settle() -> None:
    """Let the database count what it has, as it does by itself on a day like any other."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _alert(n: int, at: datetime, member: tuple[int, str], dice: random.Random, rule: int) -> dict[str, Any]:
    level, rank, points = LEVELS[n % len(LEVELS)]
    country, network, kind = dice.choice(COUNTRIES), dice.choice(NETWORKS), RULES[rule]
    ip, device = f"81.{n % 200}.{n // 200 % 250}.{dice.randrange(1, 255)}", f"crowd-device-{dice.randrange(4000)}"
    text = f"{kind[1]}: seen {dice.randrange(5, 40)} times, order {n:07} looked nothing like {member[1]}."
    status = STATUSES[n % len(STATUSES)]
    milliseconds = int(at.timestamp() * 1000)
    made = UUID(int=milliseconds << 80 | 7 << 76 | (n & 0xFFF) << 64 | 2 << 62 | dice.getrandbits(62))
    return {
        "id": made,
        "subject": member[1],
        "incident": f"crowd-{n:07}",
        "folding": status != "resolved",
        "member_id": member[0],
        "status": status,
        "disposition": ("confirmed", "false_positive")[n % 2] if status == "resolved" else "",
        "severity": level,
        "severity_rank": rank,
        "risk_score": points,
        "title": kind[1],
        "summary": text,
        "detectors": [kind[0]],
        "reasons": [{"code": kind[0], "text": text, "observed": n % 40, "threshold": 5}],
        "event_id": f"crowd-event-{n:07}",
        "event_count": 1 + n % 4,
        "first_seen_at": at,
        "last_seen_at": at,
        "created_at": at,
        "ip": ip,
        "country": country,
        "device": device,
        "context": {
            "ip": ip,
            "country": country,
            "device": device,
            "network_kind": network,
            "user_agent": "Firefox 130 on Linux",
        },
        "resolved_at": at if status == "resolved" else None,
    }


def _wire(row: dict[str, Any]) -> tuple[Any, ...]:
    import json

    return tuple(json.dumps(value) if isinstance(value, (dict, list)) else value for value in row.values())


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    import django

    django.setup()
    fill(int(sys.argv[1]))
    settle()
    return 0


if __name__ == "__main__":
    sys.exit(main())
