"""Keeping the house: the audit chain, the pulse of the queue, room for what comes."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from detection import partitions
from detection.audit import ledger
from detection.response import clocks as senders
from detection.response import labels
from tasks import pulse as pulses
from tasks import retention, turns
from tasks.queues import QUEUES, UPKEEP

HOUR = 3600
DAY = 24 * HOUR


@shared_task
def sequence_audit() -> int:
    """Chain every audit entry that waits; how many. Two at once are harmless: the ledger has one sequencer."""
    return ledger.sequence_all()


@shared_task
def pulse(queue: str = UPKEEP) -> None:
    """A canary: say that a task went from the scheduler through the broker, this queue and a worker."""
    if queue in QUEUES:
        pulses.write(f"queue:{queue}")


@shared_task
def match_labels() -> int:
    """Look again for the events of labels that came before them; how many were found."""
    return labels.match_waiting()


@shared_task
def clocks() -> list[str]:
    """Tell staff of senders whose events keep arriving late or early, each once a day; which they were."""
    told = [s for s in senders.adrift() if turns.take(f"upkeep.clocks.{s.client_id}.{s.how}", seconds=DAY)]
    for sender in told:
        senders.tell(sender)
    return [sender.name for sender in told]


@shared_task(soft_time_limit=HOUR, time_limit=HOUR + 60)
def purge() -> dict[str, int]:
    """Make the partitions of the months ahead and delete what has been kept long enough; how many rows of each kind."""
    if not turns.take("upkeep.purge", seconds=HOUR):
        return {}
    partitions.ahead(timezone.now())
    call_command("clearsessions")
    return retention.purge()
