"""Set every rule as a preset has it, or put that back."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.kernel.records import SYSTEM
from detection.response import presets


class Command(BaseCommand):
    help = (
        "Set every rule as a preset has it, as one change that can be put back; rules it does not name stand as they "
        "come. Running processes follow within two seconds. Without a name the presets are listed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="the preset: " + ", ".join(one.name for one in presets.every()))
        parser.add_argument("--dry-run", action="store_true", help="say what would change and change nothing")
        parser.add_argument("--undo", action="store_true", help="put back what the last preset changed")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        if options["undo"]:
            self._undo(dry_run=options["dry_run"])
            return
        if name is None:
            for one in presets.every():
                self.stdout.write(f"{one.name:<12} {one.why}")
            return
        preset = presets.find(name)
        if preset is None:
            raise CommandError(f"There is no preset {name}. There are: {', '.join(p.name for p in presets.every())}.")
        applied = (
            presets.Applied(preset, presets.differences(preset))
            if options["dry_run"]
            else presets.apply(preset, actor=SYSTEM)
        )
        if options["json"]:
            self.stdout.write(json.dumps(applied.wire()))
            return
        for one in applied.differences:
            self.stdout.write(f"{one.rule.id}: {one.why}")
        done = "would change" if options["dry_run"] else "changed"
        self.stdout.write(f"{preset.title}: {len(applied.differences)} rules {done}.")

    def _undo(self, *, dry_run: bool) -> None:
        last = presets.newest()
        if last is None or last.batch is None:
            raise CommandError("No preset has been applied.")
        if dry_run:
            self.stdout.write(f"Would put back what was changed at {last.at:%Y-%m-%d %H:%M} UTC.")
            return
        ruled = presets.undo(last.batch, actor=SYSTEM)
        changed = [one.rule_id for one in ruled if one.conflict]
        if changed:
            raise CommandError(
                f"Put back already, or changed since, so nothing was done now: {', '.join(changed)}. "
                "Each rule's page puts that rule back to any version."
            )
        self.stdout.write(f"{sum(one.changed for one in ruled)} rules are as they were before.")
