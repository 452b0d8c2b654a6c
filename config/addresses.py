"""Which Redis address serves what; the runner gives them anew once its own server is up."""

from __future__ import annotations

from typing import Any

from config import env

NOBODY_LISTENS_HERE = "redis://127.0.0.1:1/0"


def redis_settings(url: str, separate: dict[str, str | None]) -> dict[str, Any]:
    """Every setting that holds a Redis address, for one server or for those named separately."""
    first = env.first_database(url)
    broker = separate["REDIS_BROKER_URL"] or env.with_database(url, first)
    channels = separate["REDIS_CHANNELS_URL"] or env.with_database(url, first + 1)
    features = separate["REDIS_FEATURES_URL"] or env.with_database(url, first + 2)
    return {
        "REDIS_URL": url,
        "REDIS_BROKER_URL": broker,
        "REDIS_CHANNELS_URL": channels,
        "REDIS_FEATURES_URL": features,
        "CELERY_BROKER_URL": broker,
        "CHANNEL_LAYERS": {
            "default": {
                "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
                "CONFIG": {
                    "hosts": [
                        {
                            "address": channels,
                            # The reader waits for hours on a quiet feed; a socket timeout would end idle websockets.
                            "socket_timeout": None,
                            "socket_connect_timeout": 2,
                            "socket_keepalive": True,
                        }
                    ]
                },
            }
        },
    }
