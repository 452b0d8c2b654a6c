"""The models' page: what an admin may do there, and what is said."""

from __future__ import annotations

from django.test import Client as Browser

from detection.kernel.vocabulary import ModelState
from detection.models import ModelVersion
from tests.frontend_templates.conftest import text_of

PAGE = "/admin_dashboard/models/"


def version(number: int, state: ModelState, **watch: object) -> ModelVersion:
    return ModelVersion.objects.create(
        kind="payments", version=number, state=state, path="x", digest="d" * 64, signature="s", key_id="k", watch=watch,
        card={"rows": 1200, "features": ["device"], "profile": {}},
    )  # fmt: skip


def test_both_rivals_are_shown_with_how_they_did_on_the_same_days(olga: Browser) -> None:
    days = [{"day": "2026-05-01", "events": 40, "strange": 2}, {"day": "2026-05-02", "events": 50, "strange": 1}]
    did = {"rows": 90, "strange": 3, "a_day": 1.5, "planned": 0.2, "with_rules": 2, "bad": 1, "caught": 1, "days": days}
    version(1, ModelState.ACTIVE, **did, psi={"device": 0.31}, words={"features": "what it looks at has moved: device"})
    version(2, ModelState.SHADOW, **did, unusable="the file is missing")
    page = text_of(olga.get(PAGE))
    assert page.count("3 of 90 strange, 1.5 a day (planned 0.2)") == 2
    assert "Out of its band: what it looks at has moved: device." in page
    assert "Out of use: the file is missing." in page
    assert "<title>2026-05-01: 2</title>" in page
    assert "Put the one in shadow on duty" not in page, "an analyst reads"


def test_an_admin_has_them_taught_and_is_told_what_cannot_be_done(ada: Browser) -> None:
    assert "being taught anew" in text_of(ada.post(f"{PAGE}train/", follow=True))
    assert "there is no shadow version of payments" in text_of(
        ada.post(f"{PAGE}promote/", {"kind": "payments"}, follow=True)
    )
    assert "no earlier version of payments" in text_of(ada.post(f"{PAGE}rollback/", {"kind": "payments"}, follow=True))
    version(1, ModelState.ACTIVE)
    version(2, ModelState.SHADOW)
    page = text_of(ada.post(f"{PAGE}promote/", {"kind": "payments"}, follow=True))
    assert "Nothing was changed" in page
    assert ModelVersion.objects.get(state=ModelState.ACTIVE).version == 1
