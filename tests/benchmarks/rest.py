"""POST events/ on a WSGI server and on daphne, over systems of their own, interleaved.

python -m tests.benchmarks.rest                       five rounds of two seconds each, on SQLite
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from config.runner import ports
from config.runner.children import script
from config.runner.spawn import kill_group, spawn
from tests.flows.stage import happened
from tests.live import ROOT, LiveSystem, eventually

SENDERS = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secureretail-") as folder:
        system = LiveSystem.start(Path(folder) / "data")
        port = ports.free()
        words = [
            "--bind",
            f"127.0.0.1:{port}",
            "--worker-class",
            "gthread",
            "--workers",
            "1",
            "--threads",
            str(SENDERS),
        ]
        environ = {**os.environ, **system.environ, "REDIS_URL": (system.data_dir / "run/valkey.url").read_text()}
        rest = spawn([*script("gunicorn"), *words, "config.wsgi:application"], env=environ, cwd=ROOT)
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: answers(url), within=60)
            servers = {"wsgi": url, "daphne": system.url}
            found: dict[str, list[float]] = {name: [] for name in servers}
            for address in servers.values():
                pace(address, system.api_key, asked.seconds)
            for _ in range(asked.rounds):
                for name, address in servers.items():
                    found[name].append(pace(address, system.api_key, asked.seconds))
        finally:
            kill_group(rest)
            system.stop()
    ratios = [ours / theirs for ours, theirs in zip(found["wsgi"], found["daphne"], strict=True)]
    print(f"wsgi {statistics.median(found['wsgi']):.0f}/s, daphne {statistics.median(found['daphne']):.0f}/s")
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}), one process each")
    return 0


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def pace(url: str, key: str, seconds: float) -> float:
    """Single events taken a second, from several senders at once."""
    until = time.perf_counter() + seconds

    def send(_number: int) -> int:
        sent = 0
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False) as client:
            while time.perf_counter() < until:
                client.post("/api/v1/events/", json=happened("page.viewed", "mia", path="/")).raise_for_status()
                sent += 1
        return sent

    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(send, range(SENDERS))) / seconds


if __name__ == "__main__":
    raise SystemExit(main())
