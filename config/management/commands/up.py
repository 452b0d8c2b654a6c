"""``manage.py up``: the whole system under one parent."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.runner.guard import AlreadyRunningError
from config.runner.ports import PortTakenError
from config.runner.spawn import die_with_parent
from config.runner.valkey import NoValkeyError


class Command(BaseCommand):
    """Start everything in order, keep it running, and stop it in reverse order on Ctrl-C or SIGTERM."""

    help = (
        "Start the whole system (Valkey, worker, beat, Flower, web) and keep it running. "
        "Prints where everything is once every part works. Ctrl-C or SIGTERM stops all of it, exit code 0."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-q", "--quiet", action="store_true", help="say nothing about the stages of the start")
        parser.add_argument(
            "--with-parent", type=int, metavar="PID", help="stop when this process, which started us, is gone"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["with_parent"] is not None:
            die_with_parent(signal.SIGHUP)
            if os.getppid() != options["with_parent"]:
                raise CommandError("The process that started this one is gone.")
        from config.runner.runner import Runner, StartError

        runner = Runner(settings.ENVIRONMENT, quiet=options["quiet"], colour=not options["no_color"])
        try:
            code = runner.run()
        except (StartError, AlreadyRunningError, PortTakenError, NoValkeyError) as fault:
            raise CommandError(str(fault)) from fault
        if code:
            raise SystemExit(code)
