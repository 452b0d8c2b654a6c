"""What a viewer sees and who may be one: a real daphne, a real Valkey, real websockets."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client as Browser
from django.test.utils import override_settings
from websockets.exceptions import InvalidStatus

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Member, SignIn
from detection.response import sessions
from detection.work import unit_of_work
from tests.live import eventually
from tests.realtime.watching import Web, alert_ids, raise_alert, signed_in, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:{port}",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}@evil.example",
        "http://evil.example@127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "http://evil.example#http://127.0.0.1:{port}",
        "ws://127.0.0.1:{port}",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "http://[::1]:{port}",
        "http://127.0.0.1.:{port}",
        "http://0x7f.1:{port}",
        "http://127.0.0.1:{port} http://evil.example",
        "http://127.0.0.1:99999999",
    ],
)
def test_a_page_of_any_other_origin_is_refused_at_the_handshake(web: Web, olga: User, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        web.watch("/ws/alerts/", signed_in(olga), origin=origin and origin.format(port=web.port))
    # What cannot even be read as an address is refused by daphne's own parser, with 400.
    unreadable = ("{port}.evil.example", "{port} http://evil.example", ":99999999")
    assert refusal.value.response.status_code == (400 if origin and origin.endswith(unreadable) else 403)


def test_an_unknown_path_is_refused_and_not_an_error(web: Web, olga: User) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        web.watch("/ws/anything/", signed_in(olga))
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/ws/alerts/", "/ws/member/"])
@pytest.mark.parametrize("session", [None, "no-such-session", "0" * 32])
def test_who_is_not_signed_in_is_closed_with_4401_and_told_nothing(web: Web, path: str, session: str | None) -> None:
    with web.watch(path, session) as stranger:
        assert stranger.closed() == 4401
        assert stranger.frames == []


def test_a_member_may_not_watch_the_alerts_and_staff_are_no_member(web: Web, mia: Member, olga: User) -> None:
    with web.watch("/ws/alerts/", signed_in(mia.user)) as watcher:
        assert watcher.closed() == 4403
        assert watcher.frames == []
    with web.watch("/ws/member/", signed_in(olga)) as watcher:
        assert watcher.closed() == 4403


@pytest.mark.parametrize("role", ["analyst", "admin", "auditor", "superuser"])
def test_every_staff_role_may_watch_the_alerts(web: Web, role: str) -> None:
    user = User.objects.create_user("ada", is_superuser=role == "superuser")
    if role != "superuser":
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    with web.watch("/ws/alerts/", signed_in(user)) as ada:
        assert ada.hello()["cursor"].isdigit()


def test_an_alert_reaches_staff_and_its_member_each_in_their_own_words(
    web: Web, olga: User, mia: Member, sam: Member
) -> None:
    with (
        web.watch("/ws/alerts/", signed_in(olga)) as staff,
        web.watch("/ws/member/", signed_in(mia.user)) as own,
        web.watch("/ws/member/", signed_in(sam.user)) as other,
    ):
        before = staff.hello()["cursor"]
        hello = own.hello()
        assert hello["member"]["member_id"] == hello["member_id"] == "mia"
        assert hello["lock"] is None
        assert hello["health"] == hello["member"]["health"]
        other.hello()
        alert = raise_alert(mia)
        told = staff.next()
        assert (told["kind"], told["alert"]["id"]) == ("alert.raised", str(alert.id))
        assert told["cursor"] == told["alert"]["cursor"] > before
        assert told["alert"]["detectors"] == ["large-transaction-new-device"]
        mine = own.next()
        assert mine["alert"]["id"] == str(alert.id)
        assert "detectors" not in mine["alert"]
        assert "threshold" not in json.dumps(mine)
        tell(sam, score=77)
        assert other.next()["health"] == {"score": 77}, "a frame of another member came through"
        assert staff.next()["member_id"] == "sam"


def test_a_notice_to_a_member_is_not_told_to_staff(web: Web, olga: User, mia: Member) -> None:
    from detection.models import Notification

    with (
        web.watch("/ws/alerts/", signed_in(olga)) as staff,
        web.watch("/ws/member/", signed_in(mia.user)) as own,
    ):
        staff.hello(), own.hello()
        with unit_of_work() as work:
            work.notify(Notification(member=mia, channel="page", kind="note", title="Please read"))
        assert own.next()["notification"]["title"] == "Please read"
        tell(mia)
        assert staff.next()["kind"] == "health.changed"


def test_frames_come_in_order_and_none_is_missing_while_many_commit(web: Web, olga: User, mia: Member) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.hello()
        raised = [str(raise_alert(mia).id) for _ in range(120)]
        staff.until(lambda frame: frame.get("alert", {}).get("id") == raised[-1])
    assert alert_ids(staff.frames) == raised
    cursors = [frame["cursor"] for frame in staff.told()]
    assert cursors == sorted(set(cursors))


def test_an_alert_is_on_screen_in_a_blink(web: Web, olga: User, mia: Member) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.hello()
        costs = []
        for _ in range(100):
            raised = str(raise_alert(mia).id)
            committed = time.perf_counter()
            staff.until(lambda frame, raised=raised: frame.get("alert", {}).get("id") == raised)
            costs.append((time.perf_counter() - committed) * 1000)
        costs.sort()
        print(f"committed to on screen: p50 {costs[50]:.1f} ms, p99 {costs[98]:.1f} ms")
    assert costs[98] < 1000


def test_a_transaction_with_hundreds_of_frames_arrives_whole(web: Web, olga: User, mia: Member) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.hello()
        with unit_of_work():
            raised = [str(raise_alert(mia, summary="x" * 900).id) for _ in range(450)]
        staff.until(lambda frame: frame.get("alert", {}).get("id") == raised[-1])
    assert alert_ids(staff.frames) == raised


def test_resume_brings_what_was_missed_in_order_and_then_goes_on_live(web: Web, olga: User, mia: Member) -> None:
    session = signed_in(olga)
    with web.watch("/ws/alerts/", session) as staff:
        since = staff.hello()["cursor"]
    missed = [str(raise_alert(mia).id) for _ in range(250)]
    with web.watch("/ws/alerts/", session) as staff:
        assert staff.hello()["cursor"] > since
        staff.say(kind="resume", after=since)
        live = [str(raise_alert(mia).id) for _ in range(5)]
        staff.until(lambda frame: frame.get("alert", {}).get("id") == live[-1])
        assert alert_ids(staff.frames) == missed + live
        staff.say(kind="resume", after=staff.frames[-3]["cursor"])
        staff.next(), staff.next()
    assert alert_ids(staff.frames) == missed + live + live[-2:]


def test_resuming_from_a_cursor_nobody_gave_out_loses_nothing(web: Web, olga: User, mia: Member) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.hello()
        staff.say(kind="resume", after="9999999999999999")
        time.sleep(0.2)  # nothing is answered to this: there is no fact to wait for
        alert = raise_alert(mia)
        assert staff.until(lambda frame: frame["kind"] == "alert.raised")["alert"]["id"] == str(alert.id)


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[]",
        '"resume"',
        "{}",
        '{"kind": 1}',
        '{"kind": "resume"}',
        '{"kind": "resume", "after": 5}',
        '{"kind": "resume", "after": null}',
        '{"kind": "resume", "after": "abc"}',
        '{"kind": "resume", "after": "-1"}',
        '{"kind": "resume", "after": "99999999999999999999999"}',
        '{"kind": "ack", "cursor": "٣"}',
        "[" * 4000,
        '{"kind": "ack", "cursor": "1", "x": "' + "y" * 5000 + '"}',
        b"\x00\x01",
    ],
)
def test_a_message_that_is_not_in_form_closes_with_4400(web: Web, olga: User, message: Any) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.hello()
        staff.connection.send(message)
        assert staff.closed() == 4400


def test_acks_and_kinds_of_newer_clients_are_taken_quietly(web: Web, olga: User, mia: Member) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        staff.say(kind="ack", cursor=staff.hello()["cursor"])
        staff.say(kind="presence", where="alerts")
        tell(mia)
        assert staff.next()["kind"] == "health.changed"


def test_more_than_ten_messages_a_second_close_with_4429(web: Web, olga: User) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff:
        cursor = staff.hello()["cursor"]
        for _ in range(15):
            staff.say(kind="ack", cursor=cursor)
        assert staff.closed() == 4429


def test_a_user_has_five_sockets_and_a_freed_place_can_be_taken(web: Web, olga: User) -> None:
    session = signed_in(olga)
    watchers = [web.watch("/ws/alerts/", session) for _ in range(5)]
    for watcher in watchers:
        watcher.hello()
    with web.watch("/ws/alerts/", session) as sixth:
        assert sixth.closed() == 4429
    watchers.pop().close()

    def admitted() -> bool:
        with web.watch("/ws/alerts/", session) as again:
            return again.next()["kind"] == "hello"

    def tried() -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            return admitted()
        except ConnectionClosed:
            return False

    assert eventually(tried)
    for watcher in watchers:
        watcher.close()


def test_an_address_has_room_for_twenty_strangers_and_is_then_refused(web: Web, olga: User) -> None:
    """A stranger that does not answer the close frame keeps its place for a second, until it is dropped."""
    silent = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(40)]
    request = (
        f"GET /ws/alerts/ HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nOrigin: http://127.0.0.1:{web.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    for stranger in silent:
        stranger.sendall(request.encode())
    answers = []
    for stranger in silent:
        stranger.settimeout(5)
        answers.append(stranger.recv(100).split(b" ")[1])
        stranger.close()
    assert answers.count(b"101") >= 20
    assert set(answers) <= {b"101", b"403"}
    assert b"403" in answers

    def admitted() -> bool:
        try:
            with web.watch("/ws/alerts/", signed_in(olga)) as staff:
                return staff.next()["kind"] == "hello"
        except InvalidStatus:
            return False

    assert eventually(admitted)


def test_signing_out_closes_the_sockets_of_that_session_and_of_no_other(web: Web, olga: User) -> None:
    browser = Browser()
    browser.force_login(olga)
    with (
        web.watch("/ws/alerts/", browser.cookies["sessionid"].value) as left,
        web.watch("/ws/alerts/", signed_in(olga)) as stays,
    ):
        left.hello(), stays.hello()
        browser.logout()  # what the sign-out page does
        assert left.closed(within=20) == 4401
        with pytest.raises(TimeoutError):
            stays.closed(within=0.3)


def test_one_session_ended_from_another_closes_at_once_and_no_other_does(web: Web, mia: Member) -> None:
    here, there = signed_in(mia.user), signed_in(mia.user)
    sessions.note(there, user_id=mia.user_id, ip="203.0.113.7", agent="")
    with web.watch("/ws/member/", here) as stays, web.watch("/ws/member/", there) as left:
        stays.hello(), left.hello()
        assert sessions.end_one(mia.user_id, SignIn.objects.get(session=there).pk, actor=Actor(ActorKind.MEMBER, "mia"))
        assert left.closed(within=20) == 4401
        tell(mia)
        assert stays.next()["kind"] == "health.changed"


def test_ended_sessions_close_with_4403_but_the_one_that_is_kept(web: Web, mia: Member) -> None:
    kept, lost = signed_in(mia.user), signed_in(mia.user)
    with web.watch("/ws/member/", kept) as here, web.watch("/ws/member/", lost) as there:
        here.hello(), there.hello()
        sessions.end([mia.user_id], keep=kept)
        assert there.closed(within=20) == 4403
        tell(mia)
        assert here.next()["kind"] == "health.changed"


@pytest.mark.once
@pytest.mark.slow
def test_an_idle_socket_stays_open_and_its_heartbeat_says_where_the_feed_stands(
    web: Web, olga: User, mia: Member
) -> None:
    with web.watch("/ws/alerts/", signed_in(olga)) as staff, web.watch("/ws/member/", signed_in(mia.user)) as own:
        staff.hello(), own.hello()
        tell(mia)
        last = staff.next()["cursor"]
        opened = time.monotonic()
        staff.heartbeat()
        between = time.monotonic()
        assert staff.heartbeat()["cursor"] == last
        assert 9 < time.monotonic() - between < 20
        assert time.monotonic() - opened > 7
        assert own.heartbeat()["cursor"] == last
        tell(mia, 99)
        assert staff.next()["health"] == {"score": 99}


@pytest.mark.once
@pytest.mark.slow
def test_whoever_may_no_longer_watch_is_closed_within_a_heartbeat(web: Web) -> None:
    def analyst(name: str) -> User:
        user = User.objects.create_user(name, password="a long password")
        user.groups.add(Group.objects.get_or_create(name="analyst")[0])
        return user

    changed, demoted, disabled, expired = (analyst(name) for name in ("ada", "olga", "mia", "sam"))
    session = signed_in(expired)
    watchers = [web.watch("/ws/alerts/", signed_in(user)) for user in (changed, demoted, disabled)]
    watchers.append(web.watch("/ws/alerts/", session))
    for watcher in watchers:
        watcher.hello()
    changed.set_password("another long password")
    changed.save()
    demoted.groups.clear()
    disabled.is_active = False
    disabled.save()
    Session.objects.filter(session_key=session).update(expire_date="2020-01-01T00:00:00Z")
    assert [watcher.closed(within=12) for watcher in watchers] == [4401, 4403, 4401, 4401]
    for watcher in watchers:
        watcher.close()


def test_a_feed_over_tls_is_told_by_the_trusted_proxy_only() -> None:
    from realtime.origin import is_ours

    headers = [(b"host", b"shop.example"), (b"origin", b"https://shop.example")]
    forwarded = [*headers, (b"x-forwarded-proto", b"https")]
    with override_settings(ALLOWED_HOSTS=["shop.example"]):
        assert not is_ours(forwarded)
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            assert is_ours(forwarded)
            assert not is_ours(headers)
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert not is_ours([(b"host", b"shop.example"), (b"origin", b"http://other.example")])
    with override_settings(ALLOWED_HOSTS=["shop.example"]):
        assert not is_ours([(b"host", b"evil.example"), (b"origin", b"http://evil.example")])
        with override_settings(ALLOWED_ORIGINS=["https://console.example"]):
            assert is_ours([(b"host", b"shop.example"), (b"origin", b"https://console.example")])
