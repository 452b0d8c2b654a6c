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


@pytest.fixture
def held(features_url: str, prefix: str) -> Callable[[FeatureStore], int]:
    """How many entries a store holds, of all keys together."""

    def count_entries(store: FeatureStore) -> int:
        if isinstance(store, MemoryStore):
            return sum(len(past.entries.order) for past in store._pasts.values())
        client = connect(features_url)
        return sum(client.zcard(key) for key in client.scan_iter(f"{prefix}:*") if client.type(key) == b"zset")

    return count_entries


@pytest.fixture(params=["memory", "redis"])
def make_store(request: pytest.FixtureRequest, features_url: str, prefix: str) -> Callable[[Any], FeatureStore]:
    """Makes a store for some wishes; made twice on the server, it is the same store."""

    def make(wishes: Any) -> FeatureStore:
        if request.param == "memory":
            return MemoryStore(wishes)
        return RedisStore(connect(features_url), wishes, prefix=prefix)

    return make
