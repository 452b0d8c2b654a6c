"""Addresses of the people's door."""

from __future__ import annotations

from django.urls import path

from frontend_templates.views import (
    alert,
    doors,
    feed,
    mail_answer,
    member,
    operator,
    portal,
    public,
    rules,
    simulator,
    storms,
    system,
    two_step,
    unlock,
    webhooks,
)

app_name = "pages"

urlpatterns = [
    path("", public.home, name="home"),
    path("outbox/", public.outbox, name="outbox"),
    path("login/", doors.login, name="login"),
    path("login/again/", doors.again, name="again"),
    path("logout/", doors.logout, name="logout"),
    path("register/", doors.register, name="register"),
    path("portal/<str:token>/", portal.enter, name="portal"),
    path("answer/<str:link>/", mail_answer.page, name="mail_answer"),
    # a member's own world
    path("member/", member.page, name="member"),
    path("member/unlock/", unlock.page, name="unlock"),
    path("member/unlock/send/", unlock.send, name="unlock_send"),
    path("member/unlock/password/", unlock.password, name="unlock_password"),
    path("member/alerts/<uuid:alert_id>/", member.question, name="question"),
    path("member/alerts/<uuid:alert_id>/dispute/", member.dispute, name="dispute"),
    path("member/alerts/<uuid:alert_id>/confirm/", member.confirm, name="confirm"),
    path("member/two-step/", two_step.page, name="two_step"),
    path("member/simulate/", simulator.play, name="simulate"),
    # the staff's world
    path("admin_dashboard/", feed.page, name="feed"),
    path("admin_dashboard/alerts/<uuid:alert_id>/", alert.page, name="alert"),
    path("admin_dashboard/alerts/<uuid:alert_id>/acknowledge/", alert.acknowledge, name="acknowledge"),
    path("admin_dashboard/alerts/<uuid:alert_id>/resolve/", alert.resolve, name="resolve"),
    path("admin_dashboard/alerts/<uuid:alert_id>/override/", alert.override, name="override"),
    path("admin_dashboard/alerts/<uuid:alert_id>/escalate/", alert.escalate, name="escalate"),
    path("admin_dashboard/alerts/<uuid:alert_id>/reopen/", alert.reopen, name="reopen"),
    path("admin_dashboard/alerts/<uuid:alert_id>/comment/", alert.comment, name="comment"),
    path("admin_dashboard/actions/<uuid:action_id>/undo/", alert.undo, name="undo"),
    # The shop's id may hold slashes, so what is done to a member stands before it.
    path("admin_dashboard/lock/<path:member_id>/", operator.lock, name="lock_member"),
    path("admin_dashboard/unlock/<path:member_id>/", operator.unlock, name="unlock_member"),
    path("admin_dashboard/members/<path:member_id>/", operator.page, name="member_file"),
    path("admin_dashboard/rules/", rules.page, name="rules"),
    path("admin_dashboard/rules/<str:rule_id>/", rules.change, name="change_rule"),
    path("admin_dashboard/rules/<str:rule_id>/rollback/", rules.rollback, name="rollback_rule"),
    path("admin_dashboard/models/", system.models, name="models"),
    path("admin_dashboard/webhooks/", webhooks.page, name="webhooks"),
    path("admin_dashboard/webhooks/new/", webhooks.create, name="create_webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/", webhooks.endpoint, name="webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/change/", webhooks.change, name="change_webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/rotate/", webhooks.rotate, name="rotate_webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/test/", webhooks.test, name="test_webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/replay/", webhooks.replay, name="replay_webhook"),
    path("admin_dashboard/webhooks/<uuid:endpoint_id>/remove/", webhooks.remove, name="remove_webhook"),
    path("admin_dashboard/storms/", storms.page, name="storms"),
    path("admin_dashboard/storms/settle/", storms.settle, name="settle_storm"),
    path("admin_dashboard/storms/<uuid:batch_id>/approve/", storms.approve, name="approve_storm"),
    path("admin_dashboard/storms/<uuid:batch_id>/withdraw/", storms.withdraw, name="withdraw_storm"),
    path("admin_dashboard/audit/", system.audit, name="audit"),
    path("admin_dashboard/health/", system.health, name="health"),
    path("admin_dashboard/health/replay/", system.replay, name="replay"),
]
