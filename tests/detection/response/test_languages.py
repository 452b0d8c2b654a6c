"""Members are written to in their language; what a language lacks is found here, not by a member."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.core import mail

from detection import rules
from detection.kernel.detector import registered
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Notification
from detection.response import challenges, disputes, letters, locks, notifications, preferences
from detection.response.letters import languages
from detection.response.notifiers import sms
from detection.work import unit_of_work

OTHERS = sorted(set(languages.NAMES) - {languages.ENGLISH})
MOMENT = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
asked_by = Actor(ActorKind.MEMBER, "mia")


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def letters_in(language: str) -> dict[str, set[str]]:
    return {path.name: placeholders(path.read_text("utf-8")) for path in (languages.FOLDER / language).glob("*.txt")}


def sections(language: str) -> dict[str, dict[str, set[str]]]:
    every = {name: table for name, table in languages.words(language).items() if name != "rules"}
    return {name: {key: placeholders(str(text)) for key, text in table.items()} for name, table in every.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_letter_and_every_word_with_the_same_places_in_it(language: str) -> None:
    assert letters_in(language) == letters_in(languages.ENGLISH)
    assert sections(language) == sections(languages.ENGLISH)
    assert len(languages.words(language)["time"]["months"]) == 12


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_says_what_every_rule_means(language: str) -> None:
    assert rules
    said = languages.words(language)["rules"]
    missing = {cls.id for cls in registered()} - set(said)
    assert not missing, f"words.toml of {language} says nothing of {sorted(missing)}"
    assert all(len(title) <= 80 and text.endswith(".") for title, text in said.values())


@pytest.mark.parametrize("language", sorted(languages.NAMES))
def test_a_language_has_its_folder_and_its_own_name(language: str) -> None:
    assert (languages.FOLDER / language / "words.toml").is_file()
    assert {path.name for path in languages.FOLDER.iterdir() if path.is_dir() and path.name[0] != "_"} == {
        *languages.NAMES, "staff",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,de;q=0.5,en;q=0.4", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr,de;q=0", ""),
        ("de;q=much", ""),
        ("*", ""),
        ("", ""),
        ("," * 5000, ""),
    ],
)
def test_a_browsers_wish_is_the_best_language_that_we_write(accepted: str, language: str) -> None:
    assert languages.asked_for(accepted) == language


@pytest.mark.django_db
class TestOfAMember:
    def test_their_choice_counts_before_the_shops_word_and_that_before_english(self, mia) -> None:
        assert languages.of(mia) == "en"
        mia.locale = "de_CH"
        assert languages.of(mia) == "de"
        mia.locale = "xx"
        assert languages.of(mia) == "en"
        assert preferences.choose(mia, {"security": ["email"]}, actor=asked_by, language="de") == ""
        mia.refresh_from_db()
        assert languages.of(mia) == "de"

    def test_a_browser_is_asked_only_when_nobody_else_knows(self, mia) -> None:
        preferences.browser_asks(mia, "de-DE,de")
        mia.refresh_from_db()
        assert languages.of(mia) == "de"
        preferences.browser_asks(mia, "en")
        mia.refresh_from_db()
        assert mia.locale == "de"

    def test_a_language_that_we_do_not_write_is_not_kept(self, mia) -> None:
        preferences.choose(mia, {"security": ["email"]}, actor=asked_by, language="../..")
        mia.refresh_from_db()
        assert mia.language == ""


@pytest.mark.django_db
class TestWrittenIn:
    def test_page_and_mail_of_an_alert_are_in_the_members_language_with_dates_and_amounts(self, mia, alert) -> None:
        mia.locale, mia.time_zone = "de-DE", "Europe/Berlin"
        mia.save()
        text = "A payment of 12,900.00 EUR was made from a device not known. Below 300.00 EUR would have passed."
        raised = alert(
            mia,
            summary=text,
            last_seen_at=MOMENT,
            reasons=[{"code": "large-transaction-new-device", "text": text, "observed": 12900, "threshold": 300}],
        )
        with unit_of_work() as work:
            notifications.to_member(work, mia, "alert.raised", alert=raised, context={})
        notifications.deliver_due()
        page = Notification.objects.get(channel="page")
        assert (page.title, page.language) == ("Waren Sie das? Große Zahlung von einem neuen Gerät", "de")
        assert page.wire()["language"] == "de"
        (letter,) = mail.outbox
        assert page.body in letter.body
        assert "Es geht um 12.900,00 EUR." in letter.body
        assert "Wann: 1. März 2026, 23:30 Uhr CET" in letter.body
        assert "Antworten Sie hier, ohne sich anzumelden: http" in letter.body
        assert "Was this you" not in letter.body
        assert letter.extra_headers["Content-Language"] == "de"

    def test_a_text_message_is_short_and_in_the_members_language(self, mia, lock) -> None:
        mia.language = "de"
        mia.save()
        lock(mia)
        text = sms.short(Notification.objects.filter(kind="lock.placed").first())
        assert text.startswith("Ihr Konto ist zu Ihrer Sicherheit gesperrt.")
        assert len(text) <= sms.LONGEST

    def test_a_lock_says_why_in_the_members_language_and_staff_in_their_own_words(self, mia, olga, lock) -> None:
        mia.language = "de"
        mia.save()
        lock(mia)
        first = Notification.objects.filter(kind="lock.placed", channel="page").get()
        assert "Warum: Auf einem Gerät, das noch nicht lange zu Ihrem Konto gehört" in first.body
        placed = locks.of(mia)
        assert placed is not None
        assert languages.why("staff-lock", "She called us", "de") == "She called us"

    def test_a_code_is_sent_in_the_members_language(self, mia, lock) -> None:
        mia.language = "de"
        mia.save()
        lock(mia)
        assert isinstance(challenges.issue(mia, channel="email", session_key="s", source=""), challenges.Issued)
        notifications.deliver_due()
        code = next(letter for letter in mail.outbox if letter.subject == "Ihr Code, um Ihr Konto wieder zu öffnen")
        assert len([line for line in code.body.splitlines() if line.strip().isdigit()]) == 1

    def test_this_was_not_me_is_answered_in_the_members_language_and_staff_read_english(self, mia, alert) -> None:
        mia.language = "de"
        mia.save()
        told = disputes.deny(alert(mia).pk, member=mia, actor=asked_by)
        page = Notification.objects.get(kind="dispute.opened", channel="page")
        assert page.title == f"Danke, dass Sie es uns gesagt haben ({told.reference})"
        assert "- Ihr Konto ist gesperrt, niemand kann damit bezahlen." in page.body
        assert 'A member says "this wasn\'t me": mia' in Notification.objects.get(kind="member.disputed").title

    def test_a_model_that_has_no_words_of_its_own_is_told_in_general_ones(self, mia, alert) -> None:
        raised = alert(mia, reasons=[{"code": "behaviour-model", "text": "Unlike mia"}], summary="Unlike mia")
        assert languages.what(raised, "de") == (
            "Etwas Ungewöhnliches in Ihrem Konto",
            "In Ihrem Konto ist uns etwas Ungewöhnliches aufgefallen.",
        )
        assert letters.alert_words(raised, mia)["summary"] == "Unlike mia"
