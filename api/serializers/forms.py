"""What the doors take from people and programs, beside events and imported members, which intake reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from api.serializers.fields import Choice, Flag, Moment, Strict, Text
from detection.anomaly.vector import KINDS
from detection.anomaly.verdicts import SUFFIX
from detection.kernel.vocabulary import AlertStatus, Disposition, KeyScope, LockScope, LockState, Trust, WebhookKind
from detection.response.letters import languages

BULK_VERBS = ("acknowledge", "resolve", "reopen", "escalate", "assign", "comment", "snooze")
MOST_AT_ONCE = 500


def later(moment: datetime) -> datetime:
    if moment <= timezone.now():
        raise serializers.ValidationError("This has to be in the future.", code="past")
    return moment


class NothingForm(Strict):
    """The body may be ``{}`` or absent."""


class AlertForm(Strict):
    if_status = Choice([status.value for status in AlertStatus], required=False)


class NotedForm(AlertForm):
    note = Text(max_length=2000, required=False, allow_blank=True)


class ResolveForm(NotedForm):
    disposition = Choice([disposition.value for disposition in Disposition])
    unlock = Flag(required=False)


class AssignForm(AlertForm):
    assignee = Text(max_length=150, allow_null=True, help_text="a staff user name, me, or null for nobody")


class CommentForm(AlertForm):
    note = Text(max_length=2000)


class SnoozeForm(AlertForm):
    until = Moment(validators=[later])


class BulkForm(Strict):
    ids = serializers.ListField(child=Text(max_length=64), min_length=1, max_length=MOST_AT_ONCE, required=False)
    filter = serializers.DictField(child=Text(max_length=2000, allow_blank=True), required=False)
    action = Choice(BULK_VERBS)
    disposition = Choice([disposition.value for disposition in Disposition], required=False)
    unlock = Flag(required=False)
    note = Text(max_length=2000, required=False)
    assignee = Text(max_length=150, allow_null=True, required=False)
    until = Moment(validators=[later], required=False)
    if_status = Choice([status.value for status in AlertStatus], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError("Give either ids or filter.", code="required")
        needed = {"resolve": "disposition", "assign": "assignee", "comment": "note", "snooze": "until"}
        field = needed.get(attrs["action"])
        if field and field not in attrs:
            raise serializers.ValidationError({field: ["This action needs it."]}, code="required")
        return attrs


class LockForm(Strict):
    scope = Choice([scope.value for scope in LockScope], default=LockScope.PAYMENTS.value)
    state = Choice([LockState.LOCKED.value, LockState.RESTRICTED.value], default=LockState.LOCKED.value)
    reason = Text(max_length=500)
    expires_at = Moment(required=False, allow_null=True, validators=[later])


class UnlockForm(Strict):
    reason = Text(max_length=500)


class PortalForm(Strict):
    """Nothing is needed; ``locale`` is the language the shop speaks with this member."""

    locale = Text(max_length=16, required=False)


class CodeForm(Strict):
    channel = Choice(["email", "sms", "totp"])


def _ways() -> serializers.ListField:
    return serializers.ListField(child=Choice(["email", "sms"]), required=False, max_length=2)


class PreferencesForm(Strict):
    """By topic, the ways beside the page; and the language to be written to in."""

    security = _ways()
    questions = _ways()
    news = _ways()
    language = Choice(sorted(languages.NAMES), required=False)


class AnswerForm(Strict):
    challenge_id = Text(max_length=64)
    code = Text(max_length=16)


class EndpointForm(Strict):
    url = Text(max_length=2000)
    name = Text(max_length=100, required=False, allow_blank=True)
    kinds = serializers.ListField(child=Choice([kind.value for kind in WebhookKind]), min_length=1, max_length=20)


class EndpointChangeForm(Strict):
    url = Text(max_length=2000, required=False)
    name = Text(max_length=100, required=False, allow_blank=True)
    kinds = serializers.ListField(
        child=Choice([kind.value for kind in WebhookKind]), min_length=1, max_length=20, required=False
    )
    enabled = Flag(required=False)


class ReplayForm(Strict):
    deliveries = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=500, required=False)


class ModelForm(Strict):
    kind = Choice([name for kind in KINDS for name in (kind.name, kind.name + SUFFIX)])


class KeyForm(Strict):
    app = Text(max_length=100)
    scopes = serializers.ListField(child=Choice([scope.value for scope in KeyScope]), min_length=1, max_length=20)
    trust = Choice([trust.name.lower() for trust in Trust], default="normal")
    requires_signature = Flag(default=False)
    expires_at = Moment(required=False, allow_null=True, validators=[later])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["trust"] == "high" and not attrs["requires_signature"]:
            raise serializers.ValidationError(
                {"requires_signature": ["A key of high trust has to sign its requests."]}, code="required"
            )
        return attrs
