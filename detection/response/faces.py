"""The shop's own face on the pages its members see: name, logo, colour, and which of its sites may frame them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from detection.kernel.records import Actor
from detection.models import Client, Face
from detection.work import unit_of_work

LARGEST_LOGO = 100 * 1024
MOST_ORIGINS = 10
#: How a picture of each kind begins. No SVG: it can carry code.
KINDS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}
LIGHT, DARK = (255, 255, 255), (26, 28, 32)  # the surfaces the colour stands on
CONTRAST = 4.5

Colour = tuple[int, int, int]


class Unfit(ValueError):
    """Something that cannot be used; the text says what to do."""


def of(client_id: int | None) -> Face | None:
    """The face of the client a member came from; without one, that of the only client that has one."""
    if client_id is not None:
        found = Face.objects.filter(client=client_id).first()
        if found:
            return found
    only = list(Face.objects.all()[:2])
    return only[0] if client_id is None and len(only) == 1 else None


def set_up(
    client: Client,
    *,
    actor: Actor,
    name: str,
    colour: str = "",
    contact: str = "",
    frame_origins: Sequence[str] = (),
    logo: bytes | None = None,
    keep_logo: bool = True,
) -> Face:
    """Keep how the pages look to this client's members. Raises Unfit."""
    if colour and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise Unfit("Give the colour as six hexadecimal digits, like #0b6656.")
    fields: dict[str, Any] = {
        "name": " ".join(name.split())[:60],
        "colour": colour.lower(),
        "contact": " ".join(contact.split())[:200],
        "frame_origins": [origin(each) for each in frame_origins if each.strip()],
        "changed_at": timezone.now(),
    }
    if len(fields["frame_origins"]) > MOST_ORIGINS:
        raise Unfit(f"At most {MOST_ORIGINS} sites may show the pages inside their own.")
    if logo:
        fields |= {"logo": logo, "logo_type": kind_of(logo)}
    elif not keep_logo:
        fields |= {"logo": None, "logo_type": ""}
    with unit_of_work(actor) as work:
        face, _ = Face.objects.update_or_create(client=client, defaults=fields)
        work.audit("face.changed", target=f"client:{client.name}", origins=fields["frame_origins"])
        return face


def kind_of(logo: bytes) -> str:
    """What kind of picture this is. Raises Unfit."""
    if len(logo) > LARGEST_LOGO:
        raise Unfit("The logo may have 100 KB at most.")
    for kind, begins in KINDS.items():
        if logo.startswith(begins) and (kind != "image/webp" or logo[8:12] == b"WEBP"):
            return kind
    raise Unfit("The logo has to be a PNG, JPEG or WebP picture.")


def origin(text: str) -> str:
    """An origin as a policy names it: scheme, host and port. Raises Unfit."""
    parts = urlsplit(text.strip())
    local = parts.hostname in {"localhost", "127.0.0.1"}
    if not parts.hostname or parts.scheme not in ({"https", "http"} if local else {"https"}):
        raise Unfit(f"A site is named like https://shop.example.com; this is not: {text.strip()[:80]}")
    if parts.path.strip("/") or parts.query or parts.username or not re.fullmatch(r"[a-z0-9.-]+", parts.hostname):
        raise Unfit(f"Name the site alone, without a path: {text.strip()[:80]}")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise Unfit(f"This is no port: {text.strip()[:80]}") from None
    return f"{parts.scheme}://{parts.hostname}{port}"


def style(face: Face) -> str:
    """The colours of a face, made readable by day and by night whatever colour was chosen."""
    if not face.colour:
        return ""
    chosen = _rgb(face.colour)
    day, night = _readable(chosen, LIGHT), _readable(chosen, DARK)
    pairs = {
        "accent": (day, night),
        "accent-hover": (_mixed(day, (0, 0, 0), 0.2), _mixed(night, (255, 255, 255), 0.2)),
        "accent-soft": (_mixed(day, LIGHT, 0.9), _mixed(night, DARK, 0.85)),
        "on-accent": (_best_on(day), _best_on(night)),
    }
    lines = [f"  --{name}: light-dark({_hex(by_day)}, {_hex(by_night)});" for name, (by_day, by_night) in pairs.items()]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _readable(colour: Colour, surface: Colour) -> Colour:
    """The colour, moved towards black or white until text in it can be read on the surface."""
    towards = (0, 0, 0) if surface == LIGHT else (255, 255, 255)
    for step in range(21):
        moved = _mixed(colour, towards, step / 20)
        if contrast(moved, surface) >= CONTRAST:
            return moved
    return towards


def contrast(one: Colour, other: Colour) -> float:
    """How well two colours can be told apart, as WCAG counts it: 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _best_on(colour: Colour) -> Colour:
    return max(((255, 255, 255), (10, 14, 20)), key=lambda ink: contrast(ink, colour))


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
