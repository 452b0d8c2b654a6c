"""Erase a member and everything we hold about them."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Member
from detection.response import personal_data

ACTOR = Actor(ActorKind.STAFF, "command line")


class Command(BaseCommand):
    help = (
        "Erase a member: events, alerts, locks, devices, contacts, notices, disputes and their sign-in. "
        "It can't be undone; --dry-run tells what it would take. The audit trail keeps that it was done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("member_id", metavar="ID", help="the shop's id of the member")
        parser.add_argument("--dry-run", action="store_true", help="count and erase nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *, member_id: str, dry_run: bool, **options: Any) -> None:
        member = Member.objects.filter(member_id=member_id).first()
        if member is None:
            raise CommandError(f"There is no member {member_id!r}.")
        counts = personal_data.held(member) if dry_run else personal_data.erase(member, actor=ACTOR)
        if options["json"]:
            self.stdout.write(json.dumps({"erased": not dry_run, "counts": counts}))
            return
        self.stdout.write("Would erase:" if dry_run else "Erased:")
        for name, count in counts.items():
            self.stdout.write(f"  {count:>8} {name}")
