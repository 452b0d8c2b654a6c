"""Webhooks out, to real receivers over loopback: ones that fail, stall, drip, redirect and talk without end."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core import mail
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from detection.kernel.records import SYSTEM, Actor
from detection.kernel.vocabulary import ActorKind, WebhookKind
from detection.models import (
    AuditPending,
    Notification,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from detection.response import alerts, disputes, locks, notifications
from detection.response.webhooks import addresses, delivery, endpoints, signing
from detection.response.webhooks.post import MOST_READ, Answer, post
from detection.work import unit_of_work

pytestmark = [pytest.mark.django_db, pytest.mark.database]

EVERYTHING = [kind.value for kind in WebhookKind]
ADA = Actor(ActorKind.STAFF, "ada")


class Receiver(ThreadingHTTPServer):
    """A shop's server. ``behave`` decides how it treats a request; what came in is kept."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.behave: Callable[[_Hook], None] = lambda hook: hook.say(204)
        self.done = threading.Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/hook"

    def handle_error(self, *_: object) -> None:
        """A sender that hangs up is what some of these tests are about."""


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.server.behave(self)

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


def told(made: endpoints.Made) -> WebhookEndpoint:
    assert made.endpoint is not None, made.faults
    return made.endpoint


@pytest.fixture
def endpoint(db, receiver) -> WebhookEndpoint:
    return told(endpoints.create(receiver.url, EVERYTHING, actor=ADA))


def say(kind: WebhookKind = WebhookKind.MEMBER_LOCKED, **data) -> None:
    with unit_of_work() as work:
        work.publish(kind, data)


def verified(receiver: Receiver, secret: str, number: int = -1) -> dict:
    _, headers, body = receiver.came[number]
    return Webhook(secret).verify(body, headers)


def kinds_waiting() -> list[str]:
    return list(WebhookMessage.objects.order_by("id").values_list("kind", flat=True))


# --- signing ----------------------------------------------------------------------------------------------


def test_the_signature_is_the_one_of_the_standards_own_example():
    signed = Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), '{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_arrives_signed_and_says_what_happened(receiver, endpoint):
    say(member_id="mia", note="Zoë")
    assert delivery.deliver_due() == delivery.Delivered(sent=1)
    body = verified(receiver, signing.secret(endpoint))
    assert body["type"] == "member.locked"
    assert body["data"] == {"member_id": "mia", "note": "Zoë"}
    path, headers, _ = receiver.came[0]
    assert path == "/hook"
    assert headers["host"] == f"127.0.0.1:{receiver.server_port}"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["webhook-id"] == WebhookMessage.objects.get().webhook_id
    assert WebhookDelivery.objects.get().sent_at is not None
    assert WebhookAttempt.objects.get().status == 204


def test_while_secrets_overlap_both_verify_and_afterwards_only_the_new_one(receiver, endpoint):
    old = signing.secret(endpoint)
    made = endpoints.rotate(endpoint, actor=ADA)
    assert made.secret != old
    say(member_id="mia")
    delivery.deliver_due()
    assert verified(receiver, old) == verified(receiver, made.secret)
    WebhookEndpoint.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    say(member_id="sam")
    delivery.deliver_due()
    assert verified(receiver, made.secret)["data"]["member_id"] == "sam"
    with pytest.raises(Exception, match="No matching signature"):
        verified(receiver, old)


def test_a_secret_is_in_no_row_and_no_audit_entry(endpoint):
    secret = signing.secret(endpoint)
    endpoints.rotate(endpoint, actor=ADA)
    kept = [*WebhookEndpoint.objects.values(), *AuditPending.objects.values("entry"), *WebhookMessage.objects.values()]
    assert secret not in json.dumps(kept, default=str)


# --- the outbox -------------------------------------------------------------------------------------------


def test_a_fact_and_its_message_are_committed_together_or_not_at_all(endpoint):
    class Changed(Exception):
        pass

    def fails() -> None:
        with unit_of_work() as work:
            work.publish(WebhookKind.MEMBER_LOCKED, {"member_id": "mia"})
            raise Changed

    with pytest.raises(Changed):
        fails()
    assert not WebhookDelivery.objects.exists()


def test_an_endpoint_hears_only_what_it_asked_for_and_a_disabled_one_nothing(receiver):
    chosen = told(endpoints.create(receiver.url, ["member.unlocked"], actor=ADA))
    off = told(endpoints.create(receiver.url, EVERYTHING, actor=ADA))
    endpoints.change(off, actor=ADA, enabled=False)
    say(WebhookKind.MEMBER_LOCKED, member_id="mia")
    assert not WebhookMessage.objects.exists()
    say(WebhookKind.MEMBER_UNLOCKED, member_id="mia")
    assert [row.endpoint_id for row in WebhookDelivery.objects.all()] == [chosen.pk]


def test_in_shadow_mode_nobody_is_told(endpoint, settings):
    settings.MODE = "shadow"
    say(member_id="mia")
    assert not WebhookMessage.objects.exists()


def test_an_automatic_lock_tells_the_shop_to_end_the_members_sessions(endpoint, mia, lock):
    lock(mia)
    assert sorted(kinds_waiting()) == ["member.locked", "session.revoked"]
    said = json.loads(WebhookMessage.objects.get(kind="session.revoked").body)["data"]
    assert said["member_id"] == "mia"
    assert said["ask_for_new_password"] is False
    locked = json.loads(WebhookMessage.objects.get(kind="member.locked").body)["data"]
    assert locked["lock"]["state"] == "locked"


def test_a_lock_by_staff_leaves_the_shops_sessions_alone(endpoint, mia, lock, olga):
    lock(mia, by=ActorKind.STAFF, actor=olga)
    assert kinds_waiting() == ["member.locked"]


def test_this_was_not_me_tells_the_shop_to_end_sessions_and_ask_for_a_new_password(endpoint, mia, alert):
    disputed = disputes.deny(alert(mia).pk, member=mia, actor=SYSTEM)
    assert {"member.disputed", "session.revoked", "member.locked"} <= set(kinds_waiting())
    assert kinds_waiting().count("session.revoked") == 1
    said = json.loads(WebhookMessage.objects.get(kind="session.revoked").body)["data"]
    assert said["ask_for_new_password"] is True
    assert (
        json.loads(WebhookMessage.objects.get(kind="member.disputed").body)["data"]["reference"] == disputed.reference
    )


def test_an_alert_is_told_as_it_stands_at_the_end_and_resolving_it_is_told_too(endpoint, mia, alert, olga, lock):
    raised = alert(mia)
    lock(mia, alert=raised.pk)
    WebhookMessage.objects.all().delete()
    alerts.resolve(raised.pk, actor=olga, disposition="false_positive", unlock=True)
    assert sorted(kinds_waiting()) == ["alert.resolved", "member.unlocked"]
    said = json.loads(WebhookMessage.objects.get(kind="alert.resolved").body)["data"]
    assert (said["status"], said["disposition"], said["member_id"]) == ("resolved", "false_positive", "mia")
    assert "cursor" not in said


# --- receivers that misbehave -----------------------------------------------------------------------------


def test_a_receiver_that_fails_is_asked_again_and_gets_the_same_message(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(500)
    say(member_id="mia")
    assert delivery.deliver_due() == delivery.Delivered(failed=1)
    assert delivery.deliver_due() == delivery.Delivered()  # not yet
    receiver.behave = lambda hook: hook.say(200)
    assert delivery.deliver_due(now=timezone.now() + timedelta(seconds=10)).sent == 1
    first, second = (headers["webhook-id"] for _, headers, _ in receiver.came)
    assert first == second
    assert receiver.came[0][2] == receiver.came[1][2]
    assert [row.status for row in WebhookAttempt.objects.order_by("id")] == [500, 200]
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_one_that_stalls_is_left_after_five_seconds(receiver, endpoint):
    receiver.behave = lambda hook: hook.server.done.wait(30) and None
    say(member_id="mia")
    begun = time.monotonic()
    assert delivery.deliver_due().failed == 1
    assert 4.5 < time.monotonic() - begun < 15
    assert WebhookAttempt.objects.get().error == "no answer within 5 s"


def test_one_that_drips_a_byte_at_a_time_is_left_when_the_time_is_up(receiver):
    def drip(hook: _Hook) -> None:
        while not hook.server.done.wait(0.05):
            hook.wfile.write(b"H")
            hook.wfile.flush()

    receiver.behave = drip
    begun = time.monotonic()
    answer = post(receiver.url, body=b"{}", headers={}, loopback=True, seconds=0.6)
    assert time.monotonic() - begun < 10  # it would go on for ever
    assert answer.error.startswith("no answer")


def test_a_redirect_to_a_private_address_is_not_followed(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(302, Location="http://169.254.169.254/latest/meta-data/")
    say(member_id="mia")
    assert delivery.deliver_due().failed == 1
    assert len(receiver.came) == 1
    assert WebhookAttempt.objects.get().status == 302


def test_of_an_answer_without_end_no_more_than_64_kilobytes_are_read(receiver):
    written = []

    def flood(hook: _Hook) -> None:
        hook.say(200)
        try:
            while not hook.server.done.is_set():
                written.append(hook.wfile.write(b"x" * 65536))
        except OSError:
            hook.server.done.set()

    receiver.behave = flood
    answer = post(receiver.url, body=b"{}", headers={}, loopback=True)
    assert answer.taken
    assert receiver.done.wait(5)  # we hung up on it
    assert sum(written) < MOST_READ + 16 * 1024 * 1024  # what the kernel's buffers hold beside it


def test_what_a_receiver_answers_is_kept_nowhere(receiver, endpoint):
    def talk(hook: _Hook) -> None:
        hook.say(500)
        hook.wfile.write(b"the-secret-of-the-receiver")

    receiver.behave = talk
    say(member_id="mia")
    delivery.deliver_due()
    rows = [*WebhookAttempt.objects.values(), *WebhookDelivery.objects.values(), *WebhookEndpoint.objects.values()]
    assert "the-secret" not in json.dumps(rows, default=str)


def test_a_receiver_that_is_away_stops_at_one_try_and_the_others_are_served(receiver, endpoint):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = told(
            endpoints.create(f"http://127.0.0.1:{closed.getsockname()[1]}/x", EVERYTHING, actor=ADA, name="away")
        )
        for number in range(5):
            say(member_id=f"m{number}")
        assert delivery.deliver_due() == delivery.Delivered(sent=5, failed=1)
    away.refresh_from_db()
    assert away.open_until is not None
    assert away.deliveries.filter(attempts=0).count() == 4
    assert endpoints.state(away) == "failing"


def test_it_is_left_alone_longer_each_time_up_to_ten_minutes(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(503)
    say(member_id="mia")
    now, pauses = timezone.now(), []
    for _ in range(9):
        WebhookDelivery.objects.update(due_at=now)
        assert delivery.deliver_due(now=now).failed == 1
        endpoint.refresh_from_db()
        assert endpoint.open_until is not None
        pauses.append((endpoint.open_until - now).total_seconds())
        assert delivery.deliver_due(now=now + timedelta(seconds=pauses[-1] - 1)).failed == 0
        now = endpoint.open_until
    assert 4 <= pauses[0] <= 6
    assert pauses[-1] <= 720
    assert pauses[-1] > pauses[4] > pauses[1]


def test_retries_spread_over_a_day_then_it_is_given_up_and_said(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(500)
    say(member_id="mia")
    begun = now = timezone.now()
    tries = 0
    while WebhookDelivery.objects.filter(failed_at=None).exists():
        tries += delivery.deliver_due(now=now).failed
        endpoint.refresh_from_db()
        row = WebhookDelivery.objects.get()
        now = min(max(row.due_at, endpoint.open_until or now), row.until)
        assert tries < 20
    assert 8 <= tries <= 13
    assert now - begun >= timedelta(hours=23)
    letter = Notification.objects.get(kind="webhook.lost")
    assert "1 of our messages" in letter.body
    assert endpoints.replay(endpoint, actor=ADA) == 1
    receiver.behave = lambda hook: hook.say(200)
    assert delivery.deliver_due(now=timezone.now() + timedelta(seconds=1)).sent == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.came}) == 1


def test_after_days_of_failure_it_is_switched_off_and_staff_are_told(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(500)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=3, minutes=1), failures=40)
    say(member_id="mia")
    delivery.deliver_due()
    endpoint.refresh_from_db()
    assert endpoint.disabled_why == "it failed for 3 days without one success"
    notifications.deliver_due()
    (letter,) = mail.outbox
    assert letter.subject.startswith("A webhook address was switched off")
    assert f"/admin_dashboard/webhooks/{endpoint.pk}/" in letter.body
    endpoints.change(endpoint, actor=ADA, enabled=True)
    endpoint.refresh_from_db()
    assert (endpoints.state(endpoint), endpoint.failing_since) == ("active", None)


def test_one_that_says_it_is_gone_is_switched_off_at_once(receiver, endpoint):
    receiver.behave = lambda hook: hook.say(410)
    say(member_id="mia")
    delivery.deliver_due()
    endpoint.refresh_from_db()
    assert endpoint.disabled_at is not None


def test_a_sender_that_died_in_the_middle_repeats_the_message_and_loses_none(receiver, endpoint):
    say(member_id="mia")
    delivery.deliver_due()
    WebhookDelivery.objects.update(sent_at=None)  # it went out, and nobody lived to write that down
    assert delivery.deliver_due(now=timezone.now() + timedelta(seconds=7)).sent == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.came}) == 1


def test_a_test_message_goes_the_way_of_all_and_is_in_the_log(receiver, endpoint):
    endpoints.test(endpoint, actor=ADA)
    assert delivery.deliver_due().sent == 1
    body = verified(receiver, signing.secret(endpoint))
    assert (body["type"], body["data"]["asked_by"]) == ("webhook.test", "ada")
    shown = endpoints.delivery_wire(WebhookDelivery.objects.get())
    assert (shown["state"], shown["attempts"], shown["log"][0]["status"]) == ("delivered", 1, 204)


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_each_message_once_and_one_endpoint_has_one_at_a_time(receiver, endpoint):
    at_once, most = [], []

    def slow(hook: _Hook) -> None:
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.pop()
        hook.say(200)

    receiver.behave = slow
    for number in range(10):
        say(member_id=f"m{number}")

    def carry(_: int) -> int:
        try:
            return delivery.deliver_due().sent
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(carry, range(4))) == 10
    assert len({headers["webhook-id"] for _, headers, _ in receiver.came}) == len(receiver.came) == 10
    assert max(most) == 1


# --- no way to a private address --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "2002:a00:1::",
        "2001:0:a00:1::",
        "not an address",
    ],
)
def test_an_address_only_we_could_reach_is_never_asked(address):
    assert not addresses.public(address)
    answer = post("https://shop.example.com/", body=b"{}", headers={}, resolve=lambda *_: ["93.184.215.14", address])
    assert answer == Answer(None, "not asked: its name leads to an address that is not public", answer.duration_ms)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_world_may_be_asked(address):
    assert addresses.public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "ftp://shop.example.com/",
        "https://shop.example.com:8443/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://user:password@shop.example.com/",
        "https://shop.example.com/#part",
        "https://shop .example.com/",
        "https://shop.example.com/\r\nX: y",
        "https://",
        "https://shop.example.com:99999/",
        "file:///etc/passwd",
        "http://127.0.0.1:8000/",
        "http://localhost/",
    ],
)
def test_an_endpoint_is_a_public_https_address(url, db):
    made = endpoints.create(url, EVERYTHING, actor=ADA)
    if url == "https://2130706433/":  # a number is a name too, and what it leads to is looked at when sending
        assert post(url, body=b"{}", headers={}).error.startswith("not asked")
    else:
        assert made.faults
        assert not WebhookEndpoint.objects.exists()


def test_loopback_is_reached_only_where_a_setting_says_so(receiver, endpoint, settings):
    settings.WEBHOOKS_TO_LOOPBACK = False
    say(member_id="mia")
    assert delivery.deliver_due().failed == 1
    assert receiver.came == []
    assert WebhookAttempt.objects.get().error == "not asked: its name leads to an address that is not public"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for shop.example.com, and the file with the certificate that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    vouched = tmp_path / "authority.pem"
    vouched.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vouched, tmp_path / "key.pem")
    return context, vouched


def test_over_tls_the_checked_address_is_asked_under_the_original_name(authority, monkeypatch):
    context, vouched = authority
    asked = []
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    server = Receiver(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"https://shop.example.com:{server.server_port}/hook?a=b"

    def ask() -> Answer:
        return post(url, body=b"{}", headers={}, loopback=True, resolve=lambda *_: ["127.0.0.1"])

    try:
        assert ask().error == "its certificate does not hold"
        monkeypatch.setenv("SSL_CERT_FILE", str(vouched))
        assert ask().status == 204
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == ["shop.example.com", "shop.example.com"]
    path, headers, _ = server.came[0]
    assert (path, headers["host"]) == ("/hook?a=b", f"shop.example.com:{server.server_port}")


def test_a_member_is_unlocked_and_the_shop_hears_of_it_in_order(receiver, endpoint, mia, lock, olga):
    lock(mia)
    locks.release(mia, actor=olga, reason="called", by=ActorKind.STAFF)
    delivery.deliver_due()
    assert [json.loads(body)["type"] for _, _, body in receiver.came] == [
        "member.locked",
        "session.revoked",
        "member.unlocked",
    ]
