"""Both stores, the shared one on the suite's real server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from detection.conf import current
from detection.features import FeatureStore, MemoryStore, RedisStore, connect

_names = count()


@pytest.fixture(scope="session")
def features_url() -> str:
    return current().redis_features_url


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
