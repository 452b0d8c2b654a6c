"""Links in mails as such: the id of the message that carries one, and a keyed digest of that id.

The carrier writes it into the mail as it leaves, and nothing that could be used is stored. It stands below the
carriers; what a link may do stands above them, in ``links``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from detection import conf
from detection.kernel.vocabulary import Channel
from detection.models import Notification
from detection.response import letters

KINDS = frozenset({"alert.raised", "lock.placed"})
SIGNED = 16  # bytes of digest


def offered(notice: Notification) -> bool:
    """Whether a message carries a link: a mail to a member about an alert or the lock it caused."""
    return bool(notice.member_id and notice.alert and notice.kind in KINDS and notice.channel == Channel.EMAIL)


def address(notice: Notification) -> str:
    """The full address of the page that asks."""
    return letters.page(f"/answer/{token_of(notice.pk)}/")


def token_of(notice_id: UUID) -> str:
    """The link's secret part. Only for the carrier, as it writes the mail."""
    return base64.urlsafe_b64encode(notice_id.bytes + digest(notice_id)).decode().rstrip("=")


def parts(token: str) -> tuple[UUID, bytes]:
    """The message and the digest a token names; an id of zeros, which nothing has, when it is no token."""
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 16 + SIGNED:
        return UUID(int=0), b""
    return UUID(bytes=raw[:16]), raw[16:]


def digest(notice_id: UUID) -> bytes:
    """What only we can add to an id."""
    return hmac.new(conf.current().otp_key, b"answer link|" + notice_id.bytes, hashlib.sha256).digest()[:SIGNED]
