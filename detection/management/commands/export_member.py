"""Hand out everything we hold about a member."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Member
from detection.response import personal_data

ACTOR = Actor(ActorKind.STAFF, "command line")


class Command(BaseCommand):
    help = "Print everything we hold about a member as JSON, or write it to a file only you can read. Audited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("member_id", metavar="ID", help="the shop's id of the member")
        parser.add_argument("--out", metavar="FILE", help="write to this new file instead of stdout")
        parser.add_argument("--json", action="store_true", help="accepted for symmetry: it always is JSON")

    def handle(self, *, member_id: str, out: str | None, **_options: Any) -> None:
        member = Member.objects.filter(member_id=member_id).first()
        if member is None:
            raise CommandError(f"There is no member {member_id!r}.")
        text = json.dumps(personal_data.export(member, actor=ACTOR), indent=2, ensure_ascii=False)
        if out is None:
            self.stdout.write(text)
            return
        try:
            with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}.") from None
        self.stderr.write(f"Written to {out}.")
