"""One-time codes as such: derived, compared, never stored.

A code is an HOTP of a keyed digest of its challenge's id, purpose, member and lock version, so neither it nor its
secret is kept anywhere. It stands below the carriers, which write it into a message, and below the challenges, which
count the tries and open the lock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from datetime import datetime

import pyotp
from django.db.models import Q

from detection import conf
from detection.models import OtpChallenge


def code_for(challenge: OtpChallenge) -> str:
    """The code itself. Only for a sender, at the moment of sending, and for comparing."""
    said = "|".join(
        [
            challenge.pk,
            challenge.purpose,
            str(challenge.member_id),
            str(challenge.lock_version),
            challenge.key_id,
        ]
    )
    digest = hmac.new(conf.current().otp_key, said.encode(), hashlib.sha256).digest()
    return pyotp.HOTP(base64.b32encode(digest).decode().rstrip("="), digits=conf.CODE_DIGITS).at(0)


def same(code: str, challenge: OtpChallenge) -> bool:
    """Whether this is the code, however it was spaced when copied. In constant time."""
    typed = "".join(unicodedata.normalize("NFKC", code).split()).replace("-", "")
    return hmac.compare_digest(typed.encode("utf-8", "replace"), code_for(challenge).encode())


def to_send(challenge_id: str, *, now: datetime) -> tuple[str, datetime] | None:
    """The code of a challenge and its end, for its message; None once there is nothing to send any more."""
    usable = OtpChallenge.objects.filter(live(), pk=challenge_id, expires_at__gt=now, key_id=key_id())
    challenge = usable.first()
    return (code_for(challenge), challenge.expires_at) if challenge else None


def live() -> Q:
    """Challenges that were neither used nor replaced. Their end is a matter of comparing times."""
    return Q(consumed_at=None, superseded_at=None)


def key_id() -> str:
    """Names the key codes are derived from, without telling it."""
    return hashlib.sha256(b"otp key id|" + conf.current().otp_key).hexdigest()[:16]
