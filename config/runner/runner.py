"""Everything up in order, kept up, and down again in reverse order."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from config import addresses, env, secret_keys
from config.celery import app as celery_app
from config.env import Settings, with_port
from config.runner import banner, parts, ports
from config.runner.children import Child
from config.runner.guard import Guard
from config.runner.spawn import kill_group, spawn
from config.runner.valkey import Valkey
from config.runner.voice import Voice
from detection.response import accounts

#: The whole start may take this long; a first start on a slow machine needs a fraction of it.
START_WITHIN = 300.0
STOP_WITHIN = 36.0
#: When whoever started us is gone, nobody waits for a graceful end.
STOP_ALONE_WITHIN = 10.0
#: A second Ctrl-C this much later is a person's; an earlier one is the first, sent to us twice by make and terminal.
IMPATIENT_AFTER = 0.7
FATAL_DEATHS = 3
STAGES = 8


class StartError(Exception):
    """The system did not come up; the text says which part and why."""


class StopRequested(Exception):
    """Someone asked for the end while we were starting."""


class Runner:
    """Runs the system until it is asked to stop."""

    def __init__(self, environment: Settings, *, quiet: bool = False, colour: bool = True) -> None:
        self.environment = environment
        self.voice = Voice(STAGES, quiet=quiet, colour=colour)
        self.guard = Guard(settings.RUN_DIR)
        self.children: list[Child] = []
        self.wake = threading.Event()
        self.telling: subprocess.Popen[bytes] | None = None
        self.signals: list[int] = []
        self.asked_at = 0.0
        self.impatient = False
        self.ready = False
        self.facts: dict[str, Any] = {}
        self.written: dict[str, int] = {}
        self.began = time.monotonic()

    # --- the whole life -----------------------------------------------------------------------------------
    def run(self) -> int:
        """Start, stay, stop. Returns the exit code: 0 when it was asked to end."""
        os.umask(0o077)  # what the parts write holds sessions, mails and keys: nobody else on this machine reads it
        self.guard.take()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        try:
            self._start()
            while not self.signals:
                self._tick()
                self._pause(0.25)
            return 0
        except StopRequested:
            return 0
        finally:
            self.voice.ready()
            self._stop()
            settings.EMBEDDED_REDIS_FILE.unlink(missing_ok=True)
            self.guard.give_back()

    def _note_signal(self, number: int, _frame: Any) -> None:
        now = time.monotonic()
        if self.signals and number == signal.SIGINT and now - self.asked_at > IMPATIENT_AFTER:
            self.impatient = True
        if not self.signals:
            self.asked_at = now
        self.signals.append(number)
        self.wake.set()

    # --- up -----------------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._choose_ports()
        for advice in banner.advice():
            self.voice.say("up", advice)
        redis_url = self._start_valkey()
        self._migrate()
        demo = self._seed()
        kept = secret_keys.passwords(settings.DATA_DIR)
        environ = parts.environment(
            self.environment,
            redis_url=redis_url,
            flower_password=kept["FLOWER_PASSWORD"],
            colour=self.voice.colour,
        )
        waits = [
            parts.worker(
                environ,
                queues=settings.WORKER_QUEUES,
                concurrency=settings.CELERY_WORKER_CONCURRENCY,
                voice=self.voice,
            ),
            parts.chores(
                environ,
                queues=settings.CHORES_QUEUES,
                concurrency=settings.CHORES_CONCURRENCY,
                voice=self.voice,
            ),
            parts.beat(environ, voice=self.voice),
            parts.flower(environ, self.environment, voice=self.voice),
            parts.web(environ, self.environment, voice=self.voice),
        ]
        for child in waits:
            self._add(child)
        for child in waits:
            self._await(child.answers, f"{child.name} to answer")
            self.voice.stage(f"{child.name} answers")
        self._await_status()
        self._announce(kept["FLOWER_PASSWORD"], demo)
        if self.environment.demo and self.environment.demo_month:
            self._tell_month(environ)

    def _choose_ports(self) -> None:
        asked = self.environment
        port = ports.choose("PORT", asked.port, asked.host, explicit=asked.port_is_explicit)
        flower = ports.choose(
            "FLOWER_PORT",
            asked.flower_port,
            "127.0.0.1",
            explicit=asked.flower_port_is_explicit,
            without=frozenset({port}),
        )
        for name, wanted, got in (("PORT", asked.port, port), ("FLOWER_PORT", asked.flower_port, flower)):
            if wanted != got:
                self.voice.say("up", f"{name} {wanted} is in use, so this is on {got}")
        self.environment = with_port(asked, port=port, flower_port=flower)
        if not self.environment.public_url:
            settings.PUBLIC_URL = parts.address(asked.host, port)

    def _start_valkey(self) -> str:
        if self.environment.redis_url:
            self.voice.stage("using the Redis of REDIS_URL")
            return self.environment.redis_url
        password = secret_keys.passwords(settings.DATA_DIR)["VALKEY_PASSWORD"]
        server = Valkey.prepare(settings.DATA_DIR / "valkey", password=password)
        child = parts.valkey(server, self.voice)
        self._add(child)
        self._await(child.answers, "valkey to answer")
        descriptor = os.open(settings.EMBEDDED_REDIS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(server.url)
        for name, value in addresses.redis_settings(server.url, self.environment.redis_urls).items():
            setattr(settings, name, value)
        celery_app.conf.broker_url = settings.CELERY_BROKER_URL
        self.voice.stage("valkey answers")
        return server.url

    def _migrate(self) -> None:
        self.voice.waiting("database")
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            call_command("migrate", interactive=False, verbosity=0)
        self.voice.stage(f"database ready, {len(waiting)} migrations applied" if waiting else "database ready")
        self._tick()

    def _seed(self) -> dict[str, Any] | None:
        demo: dict[str, Any] | None = None
        if self.environment.demo:
            self.voice.waiting("demo data")
            demo = {}
            if "seed_demo" in get_commands():
                told = io.StringIO()
                call_command("seed_demo", "--json", stdout=told)
                demo = json.loads(told.getvalue())
            self.voice.stage("demo accounts ready")
        connections.close_all()
        self._tick()
        return demo

    def _await_status(self) -> None:
        url = f"{parts.address(self.environment.host, self.environment.port)}/status"
        told_at = time.monotonic()

        def works() -> bool:
            nonlocal told_at
            code, body = parts.ask(url, timeout=5)
            if code != 200 and time.monotonic() - told_at > 10:
                told_at = time.monotonic()
                self.voice.say("up", f"not ready yet: {url} says {code} {json.dumps(body)}")
            return code == 200

        self._await(works, "every part to work", every=0.2)

    def _announce(self, flower_password: str, demo: dict[str, Any] | None) -> None:
        self.ready = True
        for child in self.children:
            child.deaths = 0
        url = parts.address(self.environment.host, self.environment.port)
        flower = parts.address("127.0.0.1", self.environment.flower_port)
        self.voice.ready()
        staffed = bool(accounts.workers())
        connections.close_all()
        banner.show(
            url=url,
            flower_url=flower,
            flower_password=flower_password,
            demo=demo,
            seconds=time.monotonic() - self.began,
            staffed=staffed,
        )
        self.facts = {
            "url": url,
            "flower_url": flower,
            "flower_user": parts.OPERATOR,
            "flower_password": flower_password,
            "demo": demo,
        }
        self._write_down()

    def _write_down(self) -> None:
        """Keep what runs where on file: a part that was started again has a new process."""
        children = {child.name: child.pid for child in self.children}
        if children != self.written:
            self.guard.tell(**self.facts, children=children)
            self.written = children

    def _tell_month(self, environ: dict[str, str]) -> None:
        """Fill the demo with a busy month beside everything else; it steps aside for whoever uses the pages."""
        command = [sys.executable, str(env.ROOT / "manage.py"), "seed_demo", "--month"]
        if shutil.which("nice"):
            command[:0] = ["nice", "-n", "15"]
        self.telling = spawn(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self.telling.stderr is not None
        self.voice.listen("month", self.telling.stderr)

    # --- staying ------------------------------------------------------------------------------------------
    def _add(self, child: Child) -> None:
        self.children.append(child)
        child.start()

    def _tick(self) -> None:
        if self.signals:
            raise StopRequested
        now = time.monotonic()
        for child in self.children:
            child.keep_up(now)
            if not self.ready and child.deaths >= FATAL_DEATHS:
                raise StartError(f"{child.name} ended {child.deaths} times while starting. Its last lines say why.")
        if self.ready:
            with suppress(OSError):  # a full disk must not end what runs; it is written as soon as it can be
                self._write_down()

    def _await(self, fact: Callable[[], bool], what: str, *, every: float = 0.05) -> None:
        self.voice.waiting(f"waiting for {what}")
        while not fact():
            self._tick()
            if time.monotonic() - self.began > START_WITHIN:
                raise StartError(f"Waited {START_WITHIN:.0f} s for {what}. The lines above say what is missing.")
            self._pause(every)

    def _pause(self, seconds: float) -> None:
        self.wake.wait(seconds)
        self.wake.clear()

    # --- down ---------------------------------------------------------------------------------------------
    def _stop(self) -> None:
        """Stop all parts at once, each with its own patience, and then what they stand on; a second Ctrl-C ends the
        patience."""
        whole = STOP_ALONE_WITHIN if signal.SIGHUP in self.signals else STOP_WITHIN
        deadline = time.monotonic() + whole
        if self.telling is not None:
            kill_group(self.telling)
        ground = [child for child in self.children if child.name == "valkey"]
        for together in ([child for child in reversed(self.children) if child not in ground], ground):
            self._stop_these(together, deadline)
        if self.children:
            self.voice.say("up", "everything has stopped")

    def _stop_these(self, children: Sequence[Child], deadline: float) -> None:
        asked = time.monotonic()
        for child in children:
            child.ask_to_stop()
        for child in children:
            while child.lives and time.monotonic() < min(deadline, asked + child.patience) and not self.impatient:
                self._pause(0.05)
            if child.lives:
                self.voice.say("up", f"{child.name} did not stop in time and is killed")
            child.kill()
