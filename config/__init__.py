"""Composition: settings, addresses, the queue's app and the runner."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
