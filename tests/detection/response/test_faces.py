"""The shop's own face: readable whatever colour was chosen, and never a way in for code."""

from __future__ import annotations

import re

import pytest

from detection.kernel.records import SYSTEM
from detection.models import AuditPending, Client
from detection.response import faces
from detection.response.faces import DARK, LIGHT, Unfit, contrast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture
def shop() -> Client:
    return Client.objects.create(name="shop")


def kept(shop, **fields):
    return faces.set_up(shop, actor=SYSTEM, **{"name": "The Shop", **fields})


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#ffff00", "#0b6656", "#ff8800", "#777777", "#0000ff"])
def test_every_colour_is_made_readable_by_day_and_by_night(shop, colour):
    style = faces.style(kept(shop, colour=colour))
    found = dict(re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", style))
    for number, surface in enumerate((LIGHT, DARK)):
        accent, ink = (_rgb(found[name].split(", ")[number]) for name in ("accent", "on-accent"))
        assert contrast(accent, surface) >= 4.5
        assert contrast(ink, accent) >= 4.5


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@pytest.mark.parametrize("colour", ["red", "#12", "#0b6656;}body{", "url(x)", "0b6656", "#gggggg"])
def test_what_is_no_colour_is_refused(shop, colour):
    with pytest.raises(Unfit):
        kept(shop, colour=colour)


@pytest.mark.parametrize("logo", [b"<svg onload=alert(1)>", b"GIF89a", b"RIFF0000AVI ", PNG + b"0" * 102_400])
def test_a_logo_is_a_small_picture_of_a_known_kind(shop, logo):
    with pytest.raises(Unfit):
        kept(shop, logo=logo)


def test_a_logo_stays_until_it_is_changed_or_taken_away(shop):
    assert kept(shop, logo=PNG).logo_type == "image/png"
    assert bytes(kept(shop).logo) == PNG
    assert kept(shop, keep_logo=False).logo is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://Shop.example.com/", "https://shop.example.com"),
        ("https://shop.example.com:8443", "https://shop.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_a_site_that_may_frame_is_an_origin(shop, given, found):
    assert kept(shop, frame_origins=[given]).frame_origins == [found]


@pytest.mark.parametrize(
    "given",
    ["*", "http://shop.example.com", "https://*.example.com", "https://a.example/path", "https://x y", "javascript:x",
     "https://a.example; script-src *", "https://u@a.example", "https://a.example:99999"],
)  # fmt: skip
def test_anything_wider_is_refused(shop, given):
    with pytest.raises(Unfit):
        kept(shop, frame_origins=[given])


def test_the_only_face_is_everybody_s_and_two_are_their_own_members(shop):
    other = Client.objects.create(name="other")
    mine = kept(shop)
    assert faces.of(None) == faces.of(shop.pk) == mine
    kept(other, name="Other")
    assert faces.of(None) is None
    assert faces.of(other.pk).name == "Other"
    assert faces.of(12345) is None


def test_a_change_is_audited(shop):
    kept(shop)
    assert AuditPending.objects.get().entry["action"] == "face.changed"
