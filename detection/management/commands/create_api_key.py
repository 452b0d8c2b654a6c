"""Make an API key for an app."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind, KeyScope, Trust
from detection.response import clients

ACTOR = Actor(ActorKind.STAFF, "command line")


class Command(BaseCommand):
    help = (
        "Make an API key for an app, which is made too when it is new. The key is shown once, alone on the last line "
        f"of stdout. Scopes: {', '.join(scope.value for scope in KeyScope)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the app's name")
        parser.add_argument("--scopes", required=True, metavar="A,B", help="what the key may do, with commas between")
        parser.add_argument(
            "--trust",
            choices=[trust.name.lower() for trust in Trust],
            default="normal",
            help="what its word is worth: low for a browser, normal for a server, high for one that signs",
        )
        parser.add_argument("--requires-signature", action="store_true", help="refuse requests that are not signed")
        parser.add_argument("--dry-run", action="store_true", help="check the arguments and make nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, name: str, scopes: str, trust: str, **options: Any) -> None:
        name = name.strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise CommandError("NAME has to have 1 to 100 visible characters.")
        signed = options["requires_signature"] or trust == "high"
        try:
            wanted = clients.scopes_of(scopes)
        except clients.UnknownScope as error:
            raise CommandError(str(error)) from None
        told = {"client": name, "scopes": wanted, "trust": trust, "requires_signature": signed}
        if options["dry_run"]:
            self.stderr.write("Nothing was made.")
            if options["json"]:
                self.stdout.write(json.dumps({**told, "key": None, "dry_run": True}))
            return
        key, text = clients.issue_key(name, wanted, actor=ACTOR, trust=Trust[trust.upper()], requires_signature=signed)
        if options["json"]:
            self.stdout.write(json.dumps({**told, "prefix": key.prefix, "key": text}))
            return
        self.stderr.write(f"A key for {name} with {', '.join(wanted)}. It is shown this once:")
        self.stdout.write(text)
