import json
import sys

from django.core.management.base import BaseCommand

from detection.audit import verify


class Command(BaseCommand):
    help = "Recompute the audit chain. Exit 0 intact, 1 altered (the first bad seq is printed), 4 backlog."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print the finding as JSON")

    def handle(self, *, json: bool = False, **_options):
        finding = verify.verify()
        if json:
            self.stdout.write(_as_json(finding))
        else:
            self.stdout.write(finding.text + (f" (seq {finding.bad_seq})" if finding.bad_seq else ""))
        if finding.code:
            sys.exit(finding.code)


def _as_json(finding: verify.Finding) -> str:
    return json.dumps(
        {"code": finding.code, "entries": finding.entries, "head": finding.head, "bad_seq": finding.bad_seq}
    )
