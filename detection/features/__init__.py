"""What the recent past looks like: stores that observe events and grant wishes."""

from redis import RedisError as StoreError

from detection.features.base import EVERYONE, FeatureStore, Grant
from detection.features.memory_store import MemoryStore
from detection.features.redis_store import RedisStore, connect

__all__ = ["EVERYONE", "FeatureStore", "Grant", "MemoryStore", "RedisStore", "StoreError", "connect"]
