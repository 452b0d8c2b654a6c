"""Addresses of the programs' door. What is not here is a 404 in the one error shape."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from api import errors
from api.views import (
    alerts,
    docs,
    events,
    feeds,
    governance,
    lists,
    members,
    mine,
    notices,
    outcomes,
    presets,
    rules,
    system,
    trials,
    webhooks,
)

v1 = [
    path("ping/", governance.Ping.as_view(), name="ping"),
    path("events/", events.Events.as_view(), name="events"),
    path("events/<path:event_id>/", events.EventDetail.as_view(), name="event"),
    path("decisions/", events.Decisions.as_view(), name="decisions"),
    path("alerts/", alerts.AlertList.as_view(), name="alerts"),
    path("alerts/bulk/", alerts.Bulk.as_view(), name="alerts-bulk"),
    path("alerts/<str:alert_id>/", alerts.AlertDetail.as_view(), name="alert"),
    path("alerts/<str:alert_id>/acknowledge/", alerts.Acknowledge.as_view(), name="alert-acknowledge"),
    path("alerts/<str:alert_id>/resolve/", alerts.Resolve.as_view(), name="alert-resolve"),
    path("alerts/<str:alert_id>/reopen/", alerts.Reopen.as_view(), name="alert-reopen"),
    path("alerts/<str:alert_id>/escalate/", alerts.Escalate.as_view(), name="alert-escalate"),
    path("alerts/<str:alert_id>/assign/", alerts.Assign.as_view(), name="alert-assign"),
    path("alerts/<str:alert_id>/comment/", alerts.Comment.as_view(), name="alert-comment"),
    path("alerts/<str:alert_id>/snooze/", alerts.Snooze.as_view(), name="alert-snooze"),
    path("actions/<str:action_id>/undo/", alerts.Undo.as_view(), name="action-undo"),
    path("feed/", feeds.StaffFeed.as_view(), name="feed"),
    path("members/", members.MemberImport.as_view(), name="members"),
    path("members/<path:member_id>/lock/", members.Lock.as_view(), name="member-lock"),
    path("members/<path:member_id>/unlock/", members.Unlock.as_view(), name="member-unlock"),
    path("members/<path:member_id>/portal-session/", members.PortalSession.as_view(), name="member-portal-session"),
    path("members/<path:member_id>/", members.MemberDetail.as_view(), name="member"),
    path("me/", mine.Me.as_view(), name="me"),
    path("me/events/", mine.MyEvents.as_view(), name="me-events"),
    path("me/alerts/", mine.MyAlerts.as_view(), name="me-alerts"),
    path("me/alerts/<str:alert_id>/dispute/", mine.Deny.as_view(), name="me-alert-dispute"),
    path("me/alerts/<str:alert_id>/confirm/", mine.Confirm.as_view(), name="me-alert-confirm"),
    path("me/devices/", mine.MyDevices.as_view(), name="me-devices"),
    path("me/notifications/", notices.MyNotifications.as_view(), name="me-notifications"),
    path("me/preferences/", notices.MyPreferences.as_view(), name="me-preferences"),
    path("me/unlock/", mine.AskCode.as_view(), name="me-unlock"),
    path("me/unlock/verify/", mine.EnterCode.as_view(), name="me-unlock-verify"),
    path("me/feed/", feeds.MyFeed.as_view(), name="me-feed"),
    path("rules/", rules.Rules.as_view(), name="rules"),
    path("rules/precision/", outcomes.RulePrecision.as_view(), name="rules-precision"),
    path("rules/preset/", presets.Presets.as_view(), name="presets"),
    path("rules/preset/undo/", presets.PresetUndo.as_view(), name="preset-undo"),
    path("rules/<str:rule_id>/", rules.Rule.as_view(), name="rule"),
    path("rules/<str:rule_id>/rollback/", rules.RuleRollback.as_view(), name="rule-rollback"),
    path("rules/<str:rule_id>/history/", rules.RuleHistory.as_view(), name="rule-history"),
    path("rules/<str:rule_id>/backtest/", trials.RuleBacktests.as_view(), name="rule-backtests"),
    path("rules/<str:rule_id>/backtest/<str:trial_id>/", trials.RuleBacktest.as_view(), name="rule-backtest"),
    path("labels/", outcomes.Labels.as_view(), name="labels"),
    path("money/", outcomes.Money.as_view(), name="money"),
    path("lists/", lists.Lists.as_view(), name="lists"),
    path("lists/import/", lists.ListImport.as_view(), name="lists-import"),
    path("lists/export/", lists.ListExport.as_view(), name="lists-export"),
    path("lists/<str:entry_id>/", lists.ListLine.as_view(), name="list-entry"),
    path("lists/<str:entry_id>/restore/", lists.ListRestore.as_view(), name="list-restore"),
    path("models/", governance.Models.as_view(), name="models"),
    path("models/promote/", governance.ModelPromotion.as_view(), name="model-promotion"),
    path("models/rollback/", governance.ModelRollback.as_view(), name="model-rollback"),
    path("audit/", governance.Audit.as_view(), name="audit"),
    path("api-keys/", governance.Keys.as_view(), name="api-keys"),
    path("webhook-endpoints/", webhooks.Endpoints.as_view(), name="webhook-endpoints"),
    path("webhook-endpoints/<str:endpoint_id>/", webhooks.Endpoint.as_view(), name="webhook-endpoint"),
    path("webhook-endpoints/<str:endpoint_id>/rotate/", webhooks.Rotate.as_view(), name="webhook-rotate"),
    path("webhook-endpoints/<str:endpoint_id>/test/", webhooks.SendTest.as_view(), name="webhook-test"),
    path("webhook-endpoints/<str:endpoint_id>/deliveries/", webhooks.Deliveries.as_view(), name="webhook-deliveries"),
    path("webhook-endpoints/<str:endpoint_id>/replay/", webhooks.Replay.as_view(), name="webhook-replay"),
    path("api-keys/<str:key_id>/", governance.Key.as_view(), name="api-key"),
]


def nothing_here(request: HttpRequest) -> HttpResponse:
    """No such address, said the same way to everybody."""
    return errors.not_found(request)


nothing_here.csrf_exempt = True  # type: ignore[attr-defined]

urlpatterns = [
    path("healthz", system.healthz, name="healthz"),
    path("readyz", system.readyz, name="readyz"),
    path("status", system.status, name="status"),
    path("metrics", system.metrics, name="metrics"),
    path("api/schema/", docs.Schema.as_view(), name="schema"),
    path("api/docs/", docs.docs, name="docs"),
    path("api/v1/", include(v1)),
    re_path(r"^api/", nothing_here, name="api-nothing"),
]
