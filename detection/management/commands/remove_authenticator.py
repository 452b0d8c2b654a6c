"""Take the authenticator app from somebody who lost their phone and their recovery codes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Member
from detection.response import authenticators

ACTOR = Actor(ActorKind.STAFF, "command line")


class Command(BaseCommand):
    help = (
        "Take the authenticator app and the recovery codes from a member (the shop's id) or one of the staff (their "
        "name). Be sure who asks: a member is told, and staff set up a new one at their next sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="a staff user's name, or the shop's id of a member")
        parser.add_argument("--dry-run", action="store_true", help="say whether there is one and change nothing")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *, name: str, dry_run: bool, **options: Any) -> None:
        member = Member.objects.select_related("user").filter(member_id=name).first()
        user = member.user if member else get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"Nobody with the name {name!r} signs in here.")
        there = authenticators.of(user) is not None
        removed = there and not dry_run and authenticators.remove(user, actor=ACTOR)
        if options["json"]:
            self.stdout.write(json.dumps({"name": name, "had_one": there, "removed": removed}))
        elif not there:
            self.stdout.write(f"{name} has no authenticator app.")
        else:
            self.stdout.write(f"{'Removed' if removed else 'Would remove'} the authenticator app of {name}.")
