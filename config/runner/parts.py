"""What the system is made of: how each part is started and how it shows that it answers."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from celery import Celery

from config.env import Settings
from config.runner.children import Child, script
from config.runner.valkey import Valkey
from config.runner.voice import Voice

WORKER, CHORES = "secureretail", "chores"
OPERATOR = "operator"


def environment(settings: Settings, *, redis_url: str, flower_password: str, colour: bool) -> dict[str, str]:
    """What every part finds in its environment."""
    return {
        **os.environ,
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": redis_url,
        "PORT": str(settings.port),
        "FLOWER_PORT": str(settings.flower_port),
        "PUBLIC_URL": settings.public_url or address(settings.host, settings.port),
        "FLOWER_BASIC_AUTH": f"{OPERATOR}:{flower_password}",
        "CHOSEN_BY_RUNNER": ",".join(
            name for name in ("DATA_DIR", "REDIS_URL", "PORT", "FLOWER_PORT", "PUBLIC_URL") if name not in os.environ
        ),
        "PYTHONUNBUFFERED": "1",
        # Two cores are shared by several processes; a thread pool in each of them only makes them wait.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1"),
        **({"FORCE_COLOR": "1"} if colour else {}),
    }


def valkey(server: Valkey, voice: Voice) -> Child:
    """The embedded server; up when it answers with our password and is our own process."""
    return Child(
        "valkey",
        server.command,
        environ=os.environ,
        answers=lambda child: server.answers(child.pid),
        patience=6,
        voice=voice,
    )


def worker(environ: Mapping[str, str], *, queues: tuple[str, ...], concurrency: int, voice: Voice) -> Child:
    """The worker that judges; up when it answers a ping through the broker."""
    return _worker("worker", WORKER, environ, queues=queues, concurrency=concurrency, voice=voice)


def chores(environ: Mapping[str, str], *, queues: tuple[str, ...], concurrency: int, voice: Voice) -> Child:
    """The worker that carries messages and keeps the house, apart from judging: a mail server that hangs holds only
    this one."""
    return _worker("chores", CHORES, environ, queues=queues, concurrency=concurrency, voice=voice)


def _worker(
    name: str, host: str, environ: Mapping[str, str], *, queues: tuple[str, ...], concurrency: int, voice: Voice
) -> Child:
    command = [*script("celery"), "--quiet", "-A", "config", "worker", "--hostname", f"{host}@%h"]
    command += ["--queues", ",".join(queues), "--concurrency", str(concurrency)]
    command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    broker = environ.get("REDIS_BROKER_URL") or environ["REDIS_URL"]
    app = Celery(broker=broker, set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 0}

    def pings(_child: Child) -> bool:
        try:
            return any(each.startswith(host) for answer in app.control.ping(timeout=0.4) for each in answer)
        except Exception:  # noqa: BLE001 - whatever is wrong with the broker, the worker is not up yet
            return False

    return Child(name, command, environ=environ, answers=pings, patience=14, voice=voice)


def beat(environ: Mapping[str, str], *, voice: Voice) -> Child:
    """The scheduler; whether it really beats is asked through /status."""
    command = [*script("celery"), "--quiet", "-A", "config", "beat", "--pidfile=", "--loglevel", "INFO"]
    return Child("beat", command, environ=environ, answers=lambda child: child.lives, patience=4, voice=voice)


def flower(environ: Mapping[str, str], settings: Settings, *, voice: Voice) -> Child:
    """The operators' view, on loopback behind a password it finds in its environment.

    It hears everything from the broker and the workers, so it is started without the application: faster and smaller.
    """
    command = [*script("celery"), "flower", "--address=127.0.0.1", f"--port={settings.flower_port}"]
    command += ["--logging=error"]
    broker = {"CELERY_BROKER_URL": environ.get("REDIS_BROKER_URL") or environ["REDIS_URL"]}
    url = f"{address('127.0.0.1', settings.flower_port)}/healthcheck"
    return Child(
        "flower",
        command,
        environ={**environ, **broker},
        answers=lambda _: ask(url)[0] == 200,
        patience=4,
        voice=voice,
    )


def web(environ: Mapping[str, str], settings: Settings, *, voice: Voice) -> Child:
    """daphne, for pages, REST and websockets; up when its process answers /healthz."""
    command = [*script("daphne"), "-v", "0", "-b", settings.host, "-p", str(settings.port), "--no-server-name"]
    command += ["--ping-interval", "20", "--ping-timeout", "20", "--websocket_timeout", str(12 * 3600)]
    command += ["--websocket-max-message-size", "4096", "--websocket-max-frame-size", "4096"]
    command += ["--http-timeout", "30", "--application-close-timeout", "5", "config.asgi:application"]
    url = f"{address(settings.host, settings.port)}/healthz"
    return Child(
        "web",
        command,
        environ={**environ, "SECURERETAIL_PART": "web"},
        answers=lambda _: ask(url)[0] == 200,
        patience=8,
        voice=voice,
    )


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds a server bound to a host."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def ask(url: str, *, timeout: float = 2.0) -> tuple[int, Any]:
    """GET an address of our own: its status and its JSON, or 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - always our own http address
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, _json(refusal.read())
    except OSError:
        return 0, None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
