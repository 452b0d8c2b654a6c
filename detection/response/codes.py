"""One-time codes as such: derived, compared, never stored. The only home of pyotp.

A code that is sent is an HOTP of a keyed digest of its challenge's id, purpose, member and lock version, so neither it
nor its secret is kept anywhere; the secret of an authenticator app is derived as well, and its codes are TOTPs. It
stands below the carriers, which write codes into messages, and below the challenges, which count the tries.
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
from detection.models import Authenticator, OtpChallenge

APP_DIGITS = 6


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
    return hmac.compare_digest(plain(code).encode("utf-8", "replace"), code_for(challenge).encode())


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


def app_secret(app: Authenticator) -> str:
    """The secret an authenticator app holds, in base 32. Shown while the app is set up, and to nobody after."""
    said = f"app|{app.user_id}|{app.seed}|{app.key_id}"
    digest = hmac.new(conf.current().otp_key, said.encode(), hashlib.sha256).digest()[:20]
    return base64.b32encode(digest).decode()


def app_address(app: Authenticator, *, name: str, issuer: str) -> str:
    """What the QR picture says: the secret with the names the app shows."""
    return pyotp.TOTP(app_secret(app), digits=APP_DIGITS).provisioning_uri(name=name, issuer_name=issuer)


def app_step(app: Authenticator, typed: str, now: datetime) -> int | None:
    """The time step a code of the app belongs to: this one, or the one before or after, newer than any code taken
    before. None for every other code."""
    if app.key_id != key_id():
        return None
    given = plain(typed).encode("utf-8", "replace")
    totp = pyotp.TOTP(app_secret(app), digits=APP_DIGITS)
    this = int(now.timestamp()) // totp.interval
    found = None
    for step in (this - 1, this, this + 1):  # all three are compared, whichever fits
        if hmac.compare_digest(given, totp.generate_otp(step).encode()) and step > app.last_step:
            found = step
    return found


def app_shaped(typed: str) -> bool:
    """Whether this could be a code of an authenticator app at all."""
    given = plain(typed)
    return len(given) == APP_DIGITS and given.isdigit()


def plain(typed: str) -> str:
    """A code as typed, without the spaces and dashes people copy along."""
    return "".join(unicodedata.normalize("NFKC", typed).split()).replace("-", "")
