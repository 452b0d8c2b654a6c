"""Carriers for real, over loopback: an SMTP server, and HTTP doubles of Slack, Telegram and a text gateway."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.twilio import NotifyTwilio
from django.db import connection
from django.utils import timezone

from detection import conf
from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, FrameKind, Severity
from detection.models import Carrier, Contact, FeedEntry, NoticeAttempt, Notification, OtpChallenge
from detection.response import alerts, carriers, challenges, codes, locks, notifications, preferences, ways
from detection.response.notifiers import services, sms
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ADA = Actor(ActorKind.STAFF, "ada")
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"
SID, TOKEN = "AC" + "0" * 32, "1" * 32


class Post:
    """What came by mail. ``refuse`` answers a recipient so; ``stall`` holds every mail for a while."""

    def __init__(self) -> None:
        self.came: list[object] = []
        self.refuse: dict[str, str] = {}
        self.stall = threading.Event()
        self.stall.set()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name and shape
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.came.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
def post(settings) -> Iterator[Post]:
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield handler
    controller.stop()


class Double(ThreadingHTTPServer):
    """A service on the net. ``status`` is what it answers; what came in is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Service)
        self.came: list[tuple[str, str]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Service(BaseHTTPRequestHandler):
    server: Double

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.came.append((self.path, body))
        said = b'{"ok": true, "result": []}' if self.path.endswith("sendMessage") else b"ok"
        self.send_response(201 if "Messages.json" in self.path and self.server.status == 200 else self.server.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def double(monkeypatch) -> Iterator[Double]:
    """Slack, Telegram and Twilio live at fixed addresses: theirs are set to ours, all else is apprise's own."""
    server = Double()
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{server.url}/services")
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{server.url}/bot")
    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", server.url + "/2010-04-01/Accounts/{sid}/Messages.json")
    for plugin in (NotifySlack, NotifyTelegram, NotifyTwilio):
        monkeypatch.setattr(plugin, "request_rate_per_sec", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def tell_staff(alert, kind: str = "alert.high") -> None:
    with unit_of_work() as work:
        notifications.to_staff(work, kind, alert=alert, context={})


def deliver(**later: float) -> notifications.Delivered:
    return notifications.deliver_due(now=timezone.now() + timedelta(**later) if later else None)


def slack_name() -> str:
    return services.name_of(SLACK)


# --- the carriers -----------------------------------------------------------------------------------------


def test_one_row_a_way_and_each_way_carries_it(post, double, settings, mia, alert):
    settings.NOTIFY_URLS = [SLACK, TELEGRAM]
    tell_staff(alert(mia, severity="high"))
    assert sorted(Notification.objects.values_list("channel", flat=True)) == ["email", "notify", "notify"]
    assert deliver().sent == 3
    (mail,) = post.came
    assert mail["Subject"] == "[high] Large payment from a new device: mia"
    said = {path.split("/")[1]: body for path, body in double.came}
    assert "1900.00 EUR from a device first seen a minute ago." in said["services"]
    assert "Large payment from a new device" in said["bot123456789:abcdefg_hijklmnop"]
    assert {attempt.answer for attempt in NoticeAttempt.objects.all()} == {"taken", "taken by the mail server"}
    assert deliver(days=1).sent == 0


def test_a_services_token_is_in_no_row(settings, mia, alert, double):
    settings.NOTIFY_URLS = [SLACK]
    double.status = 403
    tell_staff(alert(mia, severity="high"))
    deliver()
    kept = [*Notification.objects.values(), *NoticeAttempt.objects.values(), *Carrier.objects.values()]
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in json.dumps(kept, default=str)
    assert NoticeAttempt.objects.get(notification__channel="notify").answer == "answered 403"


def test_a_text_says_what_the_mail_says_shortened_and_goes_through_the_gateway(post, double, settings, mia, lock):
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=timezone.now())
    settings.SMS_URL = f"twilio://{SID}:{TOKEN}@15551234567"
    lock(mia)
    assert deliver().sent == 2
    ((path, body),) = double.came
    said = parse_qs(body)
    assert path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert said["To"] == ["+15557654321"]
    assert said["Body"][0].startswith("Your account is locked for your safety. Paying, refunds")
    assert said["Body"][0].endswith("/member/")
    assert len(said["Body"][0]) <= sms.LONGEST


def test_any_gateway_can_be_named_with_the_place_of_the_number(double, settings, mia, lock):
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=timezone.now())
    settings.SMS_URL = f"json://127.0.0.1:{double.server_port}/send?:to={{to}}"
    lock(mia)
    deliver()
    ((_, body),) = double.came
    assert json.loads(body)["to"] == "+15557654321"


def test_a_code_by_text_ends_in_the_line_that_is_bound_to_our_address_and_is_kept_nowhere(double, settings, mia, lock):
    long_ago = timezone.now() - timedelta(days=90)
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=long_ago, added_at=long_ago)
    settings.SMS_URL = f"json://127.0.0.1:{double.server_port}/"
    settings.PUBLIC_URL = "https://security.example.com"
    lock(mia)
    Notification.objects.all().delete()
    issued = challenges.issue(mia, channel="sms", session_key="s")
    assert isinstance(issued, challenges.Issued), issued
    deliver()
    code = codes.code_for(OtpChallenge.objects.get())
    ((path, body),) = double.came
    assert unquote(urlsplit(path).path).strip("/") == "+15557654321"
    text = json.loads(body)["message"]
    assert text.splitlines()[-1] == f"@security.example.com #{code}"
    rows = [*Notification.objects.values(), *NoticeAttempt.objects.values()]
    assert code not in json.dumps(rows, default=str)


def test_in_the_demo_texts_are_written_beside_the_mails(settings, tmp_path, mia, lock):
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=timezone.now())
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    lock(mia)
    deliver()
    (written,) = (tmp_path / "outbox").glob("text-*.eml")
    text = message_from_bytes(written.read_bytes(), policy=policy.default)
    assert text["To"] == "+15557654321"
    assert "Your account is locked" in text.get_content()


def test_texts_go_to_the_countries_the_shop_sells_to_and_to_no_other(double, settings, mia, sam, lock):
    long_ago = timezone.now() - timedelta(days=90)
    for member, number in ((mia, "+4915123456789"), (sam, "+8823451234567")):  # a satellite, dear to call
        Contact.objects.create(member=member, kind="phone", value=number, verified_at=long_ago, added_at=long_ago)
    settings.SMS_URL = f"json://127.0.0.1:{double.server_port}/"
    settings.SMS_COUNTRIES = ["GB", "DE"]
    for member in (mia, sam):
        lock(member)
    assert set(ways.channels(mia)) == {"email", "sms"}
    assert set(ways.channels(sam)) == {"email"}
    assert challenges.issue(sam, channel="sms", session_key="s") == challenges.Refused("no-safe-channel")
    deliver()
    assert [unquote(path).strip("/") for path, _ in double.came] == ["+4915123456789"]
    settings.SMS_COUNTRIES = []
    assert set(ways.channels(sam)) == {"email", "sms"}


def test_while_no_country_is_named_so_many_texts_a_day_go_to_each_calling_code(
    double, settings, mia, lock, monkeypatch
):
    now = timezone.now()
    Contact.objects.create(
        member=mia, kind="phone", value="+8823451234567", verified_at=now, added_at=now - timedelta(days=9)
    )
    settings.SMS_URL = f"json://127.0.0.1:{double.server_port}/"
    settings.SMS_COUNTRIES = []
    monkeypatch.setattr(conf, "TEXTS_UNNAMED", 3)
    for number in range(3):
        told = {"channel": "sms", "carrier": "sms", "kind": "code.unlock", "title": "?"}
        Notification.objects.create(
            **told, member=mia, destination=f"+88234{number}", sent_at=now - timedelta(hours=number)
        )
    assert sms.unbounded()
    assert sms.wait("+8823451234567", now) == timedelta(hours=22)
    assert sms.wait("+4915123456789", now) == timedelta()
    lock(mia)
    refused = challenges.issue(mia, channel="sms", session_key="s")
    assert (refused.code, refused.retry_after > 21 * 3600) == ("daily-cap", True)
    deliver()
    assert double.came == []
    assert "SMS_COUNTRIES" in Notification.objects.get(channel="sms", kind="lock.placed").last_error
    settings.SMS_COUNTRIES = ["DE", "GB"]
    assert sms.wait("+8823451234567", now) == timedelta()


def test_without_a_gateway_nobody_is_promised_a_text(mia, lock):
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=timezone.now())
    lock(mia)
    assert not Notification.objects.filter(channel="sms").exists()


# --- carriers that fail -----------------------------------------------------------------------------------


def test_a_service_that_fails_is_left_alone_and_the_mail_goes_on(post, double, settings, mia, alert):
    settings.NOTIFY_URLS = [SLACK]
    double.status = 500
    for number in range(3):
        tell_staff(alert(mia, severity="high", incident=f"i{number}", folding=False))
    done = deliver()
    assert len(double.came) == 1  # one try told us enough
    assert (done.sent, done.failed) == (2, 1)  # two mails, the third waits for its digest
    row = Carrier.objects.get(name=slack_name())
    assert (row.failures, row.open_until is not None) == (1, True)
    double.status = 200
    assert deliver(seconds=40).sent >= 1
    assert Carrier.objects.get(name=slack_name()).failures == 0


def test_a_mail_server_that_refuses_one_address_still_carries_the_others(post, mia, sam, alert):
    post.refuse = {"mia@example.com": "550 no such mailbox"}
    with unit_of_work() as work:
        for member in (mia, sam):
            notifications.to_member(work, member, "alert.raised", alert=alert(member), context={})
    assert deliver() == notifications.Delivered(sent=1, failed=1)
    assert [mail["To"] for mail in post.came] == ["sam@example.com"]
    assert NoticeAttempt.objects.get(carried=False).answer == "SMTPRecipientsRefused"


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_hangs_holds_one_worker_and_not_the_services(double, settings, mia, alert):
    settings.NOTIFY_URLS = [SLACK]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 2
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never says a word
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()[:2]
        for number in range(4):
            tell_staff(alert(mia, severity="high", incident=f"i{number}", folding=False))

        def carry(_: int) -> int:
            try:
                return notifications.deliver_due().sent
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as pool:
            sent = sum(pool.map(carry, range(3)))
    assert sent == 2  # the two that came first went to Slack at once
    assert NoticeAttempt.objects.filter(carried=False).count() == 1  # one worker waited, the others passed it by


def test_a_crash_in_the_middle_repeats_a_message_once_and_loses_none(post, mia, alert):
    tell_staff(alert(mia, severity="high"))
    deliver()
    Notification.objects.update(sent_at=None)  # it went out, and nobody lived to write that down
    assert deliver(seconds=31).sent == 1
    assert deliver(days=1).sent == 0
    assert len({mail["Message-ID"] for mail in post.came}) == 1
    assert len(post.came) == 2


# --- how loud, when, and in which order -------------------------------------------------------------------


def set_to(name: str, **changes) -> str:
    usual = {"floor": Severity.HIGH, "quiet": None, "time_zone": "UTC", "after": timedelta()}
    return carriers.change(name, actor=ADA, **{**usual, **changes})


def test_each_way_hears_of_what_is_grave_enough_for_it(settings, mia, alert):
    settings.NOTIFY_URLS = [SLACK]
    assert set_to(slack_name(), floor=Severity.LOW) == ""
    with unit_of_work() as work:
        told = notifications.about_alerts(
            work, [alert(mia, severity=s, incident=s, folding=False) for s in ("low", "medium", "high")]
        )
    assert len(told) == 3
    assert Notification.objects.filter(carrier=slack_name()).count() == 3
    assert list(Notification.objects.filter(carrier="email").values_list("severity", flat=True)) == ["high"]


def test_in_quiet_hours_only_what_is_high_goes_out_and_the_rest_when_they_end(post, mia, alert):
    set_to("email", floor=Severity.LOW, quiet=(clock(22), clock(7)), time_zone="Europe/Berlin")
    with unit_of_work() as work:
        notifications.about_alerts(
            work, [alert(mia, severity=s, incident=s, folding=False) for s in ("medium", "high")]
        )
    night = datetime(2027, 1, 10, 23, 30, tzinfo=UTC)
    assert notifications.deliver_due(now=night).sent == 1
    assert "[high]" in post.came[0]["Subject"]
    assert notifications.deliver_due(now=datetime(2027, 1, 11, 5, 59, tzinfo=UTC)).sent == 0
    assert notifications.deliver_due(now=datetime(2027, 1, 11, 6, 0, tzinfo=UTC)).sent == 1


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        (22, 7, "21:59", None),
        (22, 7, "22:00", "2027-01-11T07:00"),
        (22, 7, "06:59", "2027-01-10T07:00"),
        (22, 7, "07:00", None),
        (12, 14, "13:00", "2027-01-10T14:00"),
        (12, 14, "14:00", None),
        (9, 9, "09:00", None),
    ],
)
def test_quiet_hours_may_pass_midnight(begins, ends, now, until):
    row = Carrier(name="email", quiet_from=clock(begins), quiet_until=clock(ends))
    moment = datetime.fromisoformat(f"2027-01-10T{now}+00:00")
    assert carriers.quiet_until(row, moment) == (datetime.fromisoformat(f"{until}+00:00") if until else None)


def test_the_next_rung_speaks_only_when_nobody_has_looked(post, double, settings, mia, alert):
    settings.NOTIFY_URLS = [SLACK]
    set_to(slack_name(), after=timedelta(minutes=10))
    unseen, seen = (alert(mia, severity="high", incident=i, folding=False) for i in ("one", "two"))
    for raised in (unseen, seen):
        tell_staff(raised)
    assert deliver().sent == 2
    assert double.came == []
    alerts.acknowledge(seen.pk, actor=ADA)
    assert deliver(minutes=11).sent == 1
    assert len(double.came) == 1
    assert Notification.objects.get(carrier=slack_name(), alert=seen.pk).last_error.startswith("not needed")


def test_a_thousand_alerts_in_a_minute_are_at_most_three_messages_a_way_and_all_in_the_feed(
    post, double, settings, mia, alert
):
    settings.NOTIFY_URLS = [SLACK]
    now = timezone.now()
    raised = alert(mia, severity="high")
    for minute_part in range(10):
        with unit_of_work() as work:
            for number in range(100):
                work.tell(FrameKind.ALERT_RAISED, member=mia, payload={"n": f"{minute_part}-{number}"})
            notifications.about_alerts(work, [raised] * 100)
        notifications.deliver_due(now=now + timedelta(seconds=6 * minute_part))
    for later in range(60, 590, 10):
        notifications.deliver_due(now=now + timedelta(seconds=later))
    assert FeedEntry.objects.filter(kind="alert.raised").count() == 1000
    assert len(post.came) == len(double.came) == 3
    assert post.came[-1]["Subject"].startswith("998 more: [high]")
    assert "998 messages of this kind came at once" in post.came[-1].get_content()
    told = Notification.objects.filter(carrier="email")
    assert told.filter(digest=None, sent_at=None).count() == 0
    assert told.exclude(digest=None).count() == 998


def test_a_storm_never_holds_back_a_code_or_a_lock(post, mia, alert, lock):
    with unit_of_work() as work:
        for number in range(5):
            notifications.to_member(
                work, mia, "alert.raised", alert=alert(mia, incident=f"i{number}", folding=False), context={}
            )
    lock(mia)
    assert isinstance(challenges.issue(mia, channel="email", session_key="s"), challenges.Issued)
    deliver()
    subjects = [mail["Subject"] for mail in post.came]
    assert subjects[0] == "Your code to unlock your account"  # before all else
    assert "Your account is locked for your safety" in subjects
    assert len([s for s in subjects if s.startswith("Was this you?")]) == 2


def test_staff_send_a_test_and_what_was_given_up_again(post, settings):
    settings.NOTIFY_URLS = []
    assert notifications.test("email", actor=ADA)
    assert not notifications.test("slack:000000", actor=ADA)
    deliver()
    assert "ada asked for this test" in post.came[0].get_content()
    Notification.objects.update(sent_at=None, failed_at=timezone.now(), attempts=6)
    assert notifications.replay(actor=ADA) == 1
    assert deliver(seconds=1).sent == 1


def test_how_a_way_is_used_is_checked(db):
    assert set_to("email", time_zone="Nowhere/../etc") != ""
    assert set_to("email", after=timedelta(days=2)) != ""
    assert set_to("slack:000000") != ""
    assert not Carrier.objects.exists()


# --- what members want ------------------------------------------------------------------------------------


@pytest.fixture
def phoned(mia, settings):
    Contact.objects.create(member=mia, kind="phone", value="+15557654321", verified_at=timezone.now())
    settings.SMS_URL = "json://127.0.0.1:1/"
    return mia


def reached(member, kind: str) -> set[str]:
    return {channel.value for channel, _ in preferences.Reach([member], timezone.now()).by(member, kind)}


def test_a_member_chooses_how_to_hear_of_what(phoned):
    assert reached(phoned, "lock.placed") == {"email", "sms"}
    assert reached(phoned, "alert.raised") == {"email"}
    assert preferences.choose(phoned, {"security": ["sms"], "questions": []}, actor=SYSTEM) == ""
    assert reached(phoned, "lock.placed") == {"sms"}
    assert reached(phoned, "alert.raised") == set()
    assert {t.name: t.chosen for t in preferences.topics(phoned)}["security"] == ("sms",)


def test_what_is_about_their_safety_cannot_be_switched_off_altogether(phoned, settings):
    assert "leave at least one way open" in preferences.choose(phoned, {"security": []}, actor=SYSTEM)
    assert reached(phoned, "lock.placed") == {"email", "sms"}
    preferences.choose(phoned, {"security": ["sms"]}, actor=SYSTEM)
    settings.SMS_URL = ""  # the way they chose is gone
    assert reached(phoned, "lock.placed") == {"email"}


def test_a_code_goes_where_it_was_asked_for_whatever_they_chose(phoned, post, lock):
    preferences.choose(phoned, {"security": ["sms"], "questions": []}, actor=SYSTEM)
    lock(phoned)
    assert isinstance(challenges.issue(phoned, channel="email", session_key="s"), challenges.Issued)
    deliver()
    assert [mail["Subject"] for mail in post.came] == ["Your code to unlock your account"]


def test_news_stay_on_the_page_unless_they_were_asked_for(phoned, lock):
    lock(phoned)
    Notification.objects.all().delete()
    locks.release(phoned, actor=ADA, reason="called", by=ActorKind.STAFF)
    assert [row.channel for row in Notification.objects.all()] == ["page"]
    preferences.choose(phoned, {"security": ["email"], "news": ["email"]}, actor=SYSTEM)
    lock(phoned)
    Notification.objects.all().delete()
    locks.release(phoned, actor=ADA, reason="called", by=ActorKind.STAFF)
    assert sorted(row.channel for row in Notification.objects.all()) == ["email", "page"]
