"""REST on a WSGI server, by the very command docker-compose.yml and docs/operate.md give."""

from __future__ import annotations

import shlex
from pathlib import Path

import httpx
import pytest
import yaml

from config.runner import ports
from config.runner.children import script
from config.runner.spawn import kill_group
from detection.models import ApiKey, Event
from tests.cast import happened, shop
from tests.live import ROOT, eventually
from tests.realtime.servers import start

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def command() -> list[str]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return shlex.split(services["rest"]["command"])


def test_the_documents_name_the_same_command() -> None:
    text = (ROOT / "docs" / "operate.md").read_text()
    told = shlex.split(text[text.index("    gunicorn ") :].replace("\\\n", "").split("\n\n")[0])
    assert told == [word.replace("0.0.0.0", "127.0.0.1") for word in command()]


def test_an_event_is_taken_and_decided_on_a_wsgi_server(tmp_path: Path) -> None:
    key = ApiKey.issue(shop(), ["events:write", "decisions:write", "events:read"])[1]
    port = ports.free()
    words = [word.replace("0.0.0.0:8001", f"127.0.0.1:{port}") for word in command()[1:]]
    server = start(tmp_path / "gunicorn.log", *script("gunicorn"), *words)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False) as client:

            def ready() -> bool:
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            eventually(lambda: server.poll() is not None or ready(), within=60)
            assert client.post("/api/v1/events/", json=happened("page.viewed", path="/")).status_code == 202
            decided = client.post("/api/v1/decisions/", json=happened("login.succeeded", session_id="s"))
            assert (decided.status_code, decided.json()["verdict"]) == (200, "allow")
            assert client.get("/login/").status_code == 200
    finally:
        kill_group(server)
    assert Event.objects.count() == 2
