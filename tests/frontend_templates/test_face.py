"""Members see the shop's own face; its sites, and no others, may frame the pages."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from detection.kernel.records import SYSTEM
from detection.models import Client, Face
from detection.response import faces, portal
from tests.frontend_templates.conftest import member_called, text_of

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
PAGE = "/admin_dashboard/face/"


@pytest.fixture
def shop() -> Client:
    client = Client.objects.create(name="shop")
    faces.set_up(
        client,
        actor=SYSTEM,
        name="The <b>Shop</b>",
        colour="#7a1fa2",
        contact="help@shop.example",
        logo=PNG,
        frame_origins=["https://www.shop.example"],
    )
    return client


def come_from(shop: Client, browser: Browser, **more: str) -> Browser:
    token, _ = portal.create(member_called("mia"), client=shop)
    browser.post(f"/portal/{token}/" + ("?view=embedded" if more else ""))
    return browser


def test_the_portal_and_the_pages_behind_it_carry_name_logo_and_colour(shop: Client, stranger: Browser) -> None:
    token, _ = portal.create(member_called("mia"), client=shop)
    first = text_of(stranger.get(f"/portal/{token}/"))
    stranger.post(f"/portal/{token}/")
    for page in (first, text_of(stranger.get("/member/")), text_of(stranger.get("/member/unlock/"))):
        assert "The &lt;b&gt;Shop&lt;/b&gt;" in page
        assert f"/face/{shop.pk}.css" in page
        assert f"/face/{shop.pk}/logo" in page
        assert "help@shop.example" in page
    assert "--accent: light-dark(" in text_of(stranger.get(f"/face/{shop.pk}.css"))
    logo = stranger.get(f"/face/{shop.pk}/logo")
    assert (logo.content, logo["Content-Type"], logo["X-Content-Type-Options"]) == (PNG, "image/png", "nosniff")


def test_two_shops_do_not_share_a_face(shop: Client, stranger: Browser) -> None:
    other = Client.objects.create(name="other")
    faces.set_up(other, actor=SYSTEM, name="Another Shop")
    page = text_of(come_from(other, stranger).get("/member/"))
    assert "Another Shop" in page
    assert "The &lt;b&gt;Shop" not in page


def test_only_the_named_sites_may_frame_only_members_pages(shop: Client, stranger: Browser, ada: Browser) -> None:
    framed = come_from(shop, stranger).get("/member/")
    assert "frame-ancestors https://www.shop.example" in framed["Content-Security-Policy"]
    assert "script-src 'self'" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    for answer in (ada.get("/admin_dashboard/"), stranger.get("/"), stranger.get("/login/")):
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"


def test_without_named_sites_nothing_is_framed(stranger: Browser) -> None:
    plain = Client.objects.create(name="plain")
    faces.set_up(plain, actor=SYSTEM, name="Plain")
    answer = come_from(plain, stranger).get("/member/")
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


def test_an_embedded_view_is_asked_for_by_the_link(shop: Client, stranger: Browser) -> None:
    assert "data-embedded" not in text_of(come_from(shop, stranger).get("/member/"))
    assert "data-embedded" in text_of(come_from(shop, Browser(), view="embedded").get("/member/"))


def test_an_embedded_view_has_cookies_of_its_own_under_the_shops_site(shop: Client) -> None:
    token, _ = portal.create(member_called("mia"), client=shop)
    framed, plain = Browser(), Browser()
    asked = framed.get(f"/portal/{token}/?view=embedded", secure=True)
    entered = framed.post(f"/portal/{token}/?view=embedded", secure=True)
    for name, answer in (("csrftoken", asked), ("sessionid", entered)):
        assert "; Partitioned; " in f"{answer.cookies[name].OutputString()}; "
        assert "SameSite=None; Secure" in answer.cookies[name].OutputString()
    assert framed.get("/member/", secure=True).status_code == 200
    token, _ = portal.create(member_called("mia"), client=shop)
    cookie = plain.post(f"/portal/{token}/", secure=True).cookies["sessionid"].OutputString()
    assert "SameSite=Lax" in cookie
    assert "Partitioned" not in cookie
    token, _ = portal.create(member_called("mia"), client=shop)
    unsafe = Browser().post(f"/portal/{token}/?view=embedded").cookies["sessionid"].OutputString()
    assert "SameSite=Lax" in unsafe, "browsers take such cookies over HTTPS only"


def test_an_administrator_sets_it_up(ada: Browser) -> None:
    shop = Client.objects.create(name="shop")
    said = {"client": shop.pk, "name": "The Shop", "colour": "#0b6656", "frame_origins": "https://www.shop.example\n"}
    logo = SimpleUploadedFile("logo.png", PNG, content_type="text/html")
    page = text_of(ada.post(PAGE, {**said, "logo": logo}, follow=True))
    assert "the face is kept" in page
    assert ">https://www.shop.example\n</textarea>" in page
    assert "{{" not in page
    found = Face.objects.get()
    assert (found.logo_type, found.frame_origins) == ("image/png", ["https://www.shop.example"])
    assert "six hexadecimal digits" in text_of(ada.post(PAGE, {**said, "colour": "red"}))
    assert Face.objects.get().colour == "#0b6656"
