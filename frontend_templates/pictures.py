"""The QR picture an authenticator app scans, and the same as letters."""

from __future__ import annotations

from typing import Any

import segno

from detection.models import Authenticator
from detection.response import codes

ISSUER = "SecureRetail"
SCALE, BORDER = 5, 4


def of(app: Authenticator, *, name: str) -> dict[str, Any]:
    """What the app has to learn, for a page: the picture as a data address, its side in pixels, the key in fours."""
    secret = codes.app_secret(app)
    code = segno.make(codes.app_address(app, name=name, issuer=ISSUER), error="m")
    return {
        "image": code.svg_data_uri(
            scale=SCALE, border=BORDER, dark="#000", light="#fff", svgclass=None, lineclass=None
        ),
        "side": code.symbol_size(scale=SCALE, border=BORDER)[0],
        "letters": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
    }
