"""How the system is: for load balancers, operators and whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.addresses import from_this_machine
from api.permissions import is_staff
from detection import conf, inbox
from detection.anomaly import shelf
from detection.enrich import files, geoip, network
from detection.models import ModelVersion
from detection.response import faults
from detection.response.notifiers import sms
from tasks import pulse
from tasks.queues import QUEUES

logger = structlog.get_logger(__name__)

ALIVE_WITHIN = 20.0  # seconds since a process showed its pulse
WORKING_WITHIN = 60.0  # seconds since a worker did what beat asked for
JUDGED_WITHIN = 60.0  # seconds the oldest event may wait

#: Without these the system is not whole; the rest is told and harms nothing.
NEEDED = ("database", "valkey", "worker", "beat", "inbox")

Part = dict[str, Any]


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process lives."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """This process has what it needs to answer: the database."""
    part = _database({})
    return _answer(part["ok"], {"status": "ok" if part["ok"] else "down", "database": part})


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The whole system, part by part; 200 only when every part that is needed works."""
    pulses = pulse.read()
    parts = {name: _looked_at(look, pulses) for name, look in _PARTS.items()}
    whole = all(parts[name]["ok"] for name in NEEDED)
    well = whole and parts["models"]["ok"]  # without its models the system is not as it was meant, and still whole
    return _answer(whole, {"status": "ok" if well else "degraded", "parts": parts})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' page, for this machine and for staff."""
    if not from_this_machine(request) and not is_staff(request):
        return HttpResponse(status=403, content=b"For staff, or from this machine.\n", content_type="text/plain")
    exported: HttpResponse = ExportToDjangoView(request)
    return exported


class Queue(Collector):  # type: ignore[misc]
    """What waits, read from the database when somebody scrapes."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            counts, oldest = inbox.counts(), inbox.oldest_age()
        except DatabaseError:
            return  # a scrape tells what it can
        for name, count in counts.items():
            yield GaugeMetricFamily(f"secureretail_inbox_{name}", f"Events that are {name}", value=count)
        age = oldest.total_seconds() if oldest else 0.0
        yield GaugeMetricFamily("secureretail_inbox_oldest_seconds", "How long the oldest event waits", value=age)

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # nothing is read while the process starts


class Faults(Collector):  # type: ignore[misc]
    """Detectors that raised and were skipped."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        failed = CounterMetricFamily(
            "secureretail_detector_faults", "Events a detector raised on and was skipped for", labels=["detector"]
        )
        try:
            counted = faults.counted()
        except DatabaseError:
            return  # a scrape tells what it can
        for detector, events in counted.items():
            failed.add_metric([detector], events)
        yield failed

    def describe(self) -> list[CounterMetricFamily]:
        return []


class Models(Collector):  # type: ignore[misc]
    """How each model does, as it was found when last looked at: nothing is scored for a scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["kind", "state"]
        usable = GaugeMetricFamily("secureretail_model_usable", "1 while the model can be used", labels=labels)
        age = GaugeMetricFamily("secureretail_model_age_days", "Days since it was trained", labels=labels)
        a_day = GaugeMetricFamily("secureretail_model_strange_a_day", "Events a day called strange", labels=labels)
        planned = GaugeMetricFamily("secureretail_model_planned_a_day", "Events a day its budget allows", labels=labels)
        psi = GaugeMetricFamily("secureretail_model_psi", "Population stability", labels=[*labels, "feature"])
        shares = GaugeMetricFamily("secureretail_model_scores_share", "Of scores up to le", labels=[*labels, "le"])
        try:
            rows = list(ModelVersion.objects.filter(state__in=("active", "shadow")))
        except DatabaseError:
            return  # a scrape tells what it can
        for row in rows:
            which, found = [row.kind, row.state], row.watch
            usable.add_metric(which, float(not found.get("unusable")))
            age.add_metric(which, (timezone.now() - row.created_at).total_seconds() / 86_400)
            a_day.add_metric(which, found.get("a_day", 0.0))
            planned.add_metric(which, found.get("planned", 0.0))
            for name, value in {**found.get("psi", {}), "score": found.get("psi_scores", 0.0)}.items():
                psi.add_metric([*which, name], value)
            scores, so_far = found.get("scores", {"edges": [], "shares": []}), 0.0
            for edge, share in zip([*map(str, scores["edges"]), "+Inf"], scores["shares"], strict=False):
                so_far += share
                shares.add_metric([*which, edge], so_far)
        yield from (usable, age, a_day, planned, psi, shares)

    def describe(self) -> list[GaugeMetricFamily]:
        return []


REGISTRY.register(Queue())
REGISTRY.register(Faults())
REGISTRY.register(Models())


def _answer(well: bool, content: Mapping[str, Any]) -> HttpResponse:
    response = JsonResponse(content, status=200 if well else 503)
    if not well:
        response["Retry-After"] = "5"
    return response


def _looked_at(look: Callable[[Any], Part], pulses: Mapping[str, float] | None) -> Part:
    """A part as it was found; one that cannot even be asked does not work."""
    try:
        return look(pulses)
    except Exception as error:  # noqa: BLE001 whatever a part does, the page must tell about the others
        logger.warning("status.part_failed", part=look.__name__, error=type(error).__name__)
        return {"ok": False, "error": type(error).__name__}


def _database(_: Any) -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "kind": connection.vendor}


def _valkey(pulses: Mapping[str, float] | None) -> Part:
    return {"ok": pulses is not None}


def _worker(pulses: Mapping[str, float] | None) -> Part:
    """Both workers live, and a canary came through each queue; the oldest is told."""
    lives, chores = _age(pulses, "worker"), _age(pulses, "chores")
    queues = {queue: _age(pulses, f"queue:{queue}") for queue in QUEUES}
    works = max((age for age in queues.values() if age is not None), default=None)
    ages = [(lives, ALIVE_WITHIN), (chores, ALIVE_WITHIN), *((age, WORKING_WITHIN) for age in queues.values())]
    well = all(age is not None and age <= most for age, most in ages)
    return {"ok": well, "pulse_age": lives, "chores_age": chores, "worked_age": works, "queues": queues}


def _beat(pulses: Mapping[str, float] | None) -> Part:
    age = _age(pulses, "beat")
    return {"ok": age is not None and age <= ALIVE_WITHIN, "pulse_age": age}


def _inbox(_: Any) -> Part:
    oldest = inbox.oldest_age()
    seconds = round(oldest.total_seconds(), 1) if oldest else 0.0
    return {"ok": seconds <= JUDGED_WITHIN, "oldest_age": seconds, **inbox.counts()}


def _models(_: Any) -> Part:
    kinds = shelf.health()
    return {"ok": all(kind["state"] != "degraded" for kind in kinds.values()), "kinds": kinds}


def _geo(_: Any) -> Part:
    """The data asked first for places and for networks, how old it is, and what of it the operator dropped."""
    built, age, networks = geoip.built_at(), geoip.data_age(), network.built_at()
    dropped = {name: files.built_at(name) for name in (files.CITY, files.ASN)}
    return {
        "ok": built is not None,
        "built_at": built.date().isoformat() if built else None,
        "age_days": age.days if age else None,
        "networks_built_at": networks.date().isoformat() if networks else None,
        "networks_age_days": (timezone.now() - networks).days if networks else None,
        "dropped": {name: at.date().isoformat() for name, at in dropped.items() if at},
    }


def _texts(_: Any) -> Part:
    """Text messages go anywhere while nobody has named the countries they may go to."""
    settings = conf.current()
    return {"ok": not sms.unbounded(), "gateway": bool(settings.sms_url), "countries": sorted(settings.sms_countries)}


def _age(pulses: Mapping[str, float] | None, part: str) -> float | None:
    age = (pulses or {}).get(part)
    return None if age is None else round(age, 1)


_PARTS: dict[str, Callable[[Any], Part]] = {
    "database": _database,
    "valkey": _valkey,
    "worker": _worker,
    "beat": _beat,
    "inbox": _inbox,
    "models": _models,
    "geo": _geo,
    "texts": _texts,
}
