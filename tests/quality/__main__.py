"""What ``make quality`` runs: the table of ``manage.py quality``."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
execute_from_command_line(["manage.py", "quality", *sys.argv[1:]])
