"""Write docs/rules.md from the rules and their stories."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import detection.rules  # noqa: F401 - importing it puts every rule on the list
from detection.kernel.detector import registered
from detection.stories import catalogue

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules.md"


class Command(BaseCommand):
    help = "Write docs/rules.md from the rules and their stories."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        text = catalogue(cls() for cls in registered())
        fresh = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if check and not fresh:
            raise CommandError("docs/rules.md is out of date: run manage.py document_rules")
        if not fresh:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(text, encoding="utf-8")
        self.stdout.write("docs/rules.md is up to date" if check or fresh else "docs/rules.md written")
