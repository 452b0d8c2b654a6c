"""The images run the very commands the runner runs."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml
from django.conf import settings

from config import env
from config.runner import parts
from config.runner.children import Child
from config.runner.voice import Voice
from tests.live import ROOT

VOICE = Voice(0, quiet=True)
ENVIRON = {"REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def _bare(command: list[str]) -> list[str]:
    """A command without its folder and without what differs between a machine and an image."""
    name = command[0].rsplit("/", 1)[-1]
    values = {"-b", "-p"} | ({"--concurrency"} if "--queues events" in " ".join(command) else set())
    kept = [name]
    skip = False
    for word in command[1:]:
        if skip or word in values or word.startswith(("--address", "--port")):
            skip = word in values and not skip
            continue
        kept.append(word)
    return kept


def _parts() -> dict[str, Child]:
    found = env.read({})
    return {
        "worker": parts.worker(ENVIRON, queues=settings.WORKER_QUEUES, concurrency=2, voice=VOICE),
        "chores": parts.chores(
            ENVIRON, queues=settings.CHORES_QUEUES, concurrency=settings.CHORES_CONCURRENCY, voice=VOICE
        ),
        "beat": parts.beat(ENVIRON, voice=VOICE),
        "flower": parts.flower(ENVIRON, found, voice=VOICE),
    }


@pytest.mark.parametrize("name", ["worker", "chores", "beat", "flower"])
def test_compose_starts_each_part_as_the_runner_does(services: dict[str, Any], name: str) -> None:
    assert _bare(shlex.split(services[name]["command"])) == _bare(_parts()[name].command)


def test_the_image_starts_the_web_as_the_runner_does() -> None:
    text = (ROOT / "Dockerfile").read_text()
    words = yaml.safe_load(text[text.index("CMD [") + 4 :].replace("\\\n", ""))
    assert _bare(words) == _bare(parts.web(ENVIRON, env.read({}), voice=VOICE).command)


def test_compose_has_every_part_and_no_open_door(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "valkey", "migrate", "web", "rest", "worker", "chores", "beat", "flower"}
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert "noeviction" in services["valkey"]["command"]


def test_the_image_holds_every_package(services: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    for package in ("config", "detection", "api", "realtime", "tasks", "frontend_templates"):
        assert f"COPY {package} {package}\n" in text
