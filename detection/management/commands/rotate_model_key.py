"""Sign the models again with a new key."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection import conf
from detection.anomaly import seal, shelf
from detection.models import ModelVersion


class Command(BaseCommand):
    help = (
        "Sign every model again with MODEL_KEY. Set the key they were signed with as MODEL_KEY_BEFORE (a key kept in "
        "the data folder is known without); while it is set both are accepted, so nothing stops. Take it away after."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say which would be signed, change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        before = conf.current().model_key_before
        others = ModelVersion.objects.exclude(key_id=seal.key_id())
        if others.exists() and not before:
            raise CommandError(
                "some models were signed with another key: set it as MODEL_KEY_BEFORE and run this again"
            )
        if options["dry_run"]:
            rows = list(others.filter(key_id=seal.key_id(before)) if before else [])
        else:
            rows = shelf.resign()
        result = {
            "key_id": seal.key_id(),
            "signed": [f"{row.kind} {row.version}" for row in rows],
            "with_other_keys": others.count() if not options["dry_run"] else others.count() - len(rows),
        }
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(
                f"{len(rows)} signed with key {result['key_id']}, {result['with_other_keys']} with others"
            )
