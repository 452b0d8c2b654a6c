"""The answers of the doors, for the schema. The values themselves come from the kernel's records."""

from __future__ import annotations

from rest_framework import serializers as s

from detection.kernel.vocabulary import (
    ActorKind,
    AlertStatus,
    Disposition,
    EventState,
    ListEffect,
    ListKind,
    LockScope,
    LockState,
    Outcome,
    RuleState,
    Severity,
    Truth,
    WebhookKind,
)
from detection.response.letters import languages


class FaultShape(s.Serializer):
    pointer = s.CharField(help_text="JSON pointer from the event, like /amount")
    detail = s.CharField()
    code = s.CharField()


class ProblemShape(s.Serializer):
    """RFC 9457."""

    type = s.CharField()
    title = s.CharField()
    status = s.IntegerField()
    code = s.CharField(help_text="for programs: stays the same")
    detail = s.CharField()
    errors = FaultShape(many=True)


class ReceiptShape(s.Serializer):
    event_id = s.CharField()
    duplicate = s.BooleanField()
    received_at = s.DateTimeField()


class ResultShape(s.Serializer):
    index = s.IntegerField()
    event_id = s.CharField(allow_null=True)
    status = s.ChoiceField(["accepted", "duplicate", "rejected", "conflict"])
    errors = FaultShape(many=True, required=False)


class BatchShape(s.Serializer):
    accepted = s.IntegerField()
    duplicates = s.IntegerField()
    rejected = s.IntegerField()
    results = ResultShape(many=True)


class ReasonShape(s.Serializer):
    code = s.CharField()
    text = s.CharField()
    observed = s.JSONField(allow_null=True)
    threshold = s.JSONField(allow_null=True)
    points = s.IntegerField(required=False, help_text="below zero, and only told of what lowers the score")


class LockReasonShape(s.Serializer):
    code = s.CharField()
    text = s.CharField()


class LockShape(s.Serializer):
    state = s.ChoiceField([state.value for state in LockState if state is not LockState.CLEAR])
    scopes = s.ListField(child=s.ChoiceField([scope.value for scope in LockScope]))
    reason = LockReasonShape()
    since = s.DateTimeField()
    expires_at = s.DateTimeField(allow_null=True)
    by = s.ChoiceField([kind.value for kind in ActorKind])
    self_unlock = s.BooleanField()
    version = s.IntegerField()


class DecisionShape(s.Serializer):
    event_id = s.CharField()
    verdict = s.ChoiceField([outcome.value for outcome in Outcome])
    risk_score = s.IntegerField(min_value=0, max_value=100)
    severity = s.ChoiceField([severity.value for severity in Severity])
    reasons = ReasonShape(many=True)
    lock = LockShape(allow_null=True)
    alert_id = s.UUIDField(allow_null=True)
    degraded = s.ListField(child=s.CharField())
    decided_at = s.DateTimeField()


class SignalShape(ReasonShape):
    detector = s.CharField()
    title = s.CharField()
    severity = s.ChoiceField([severity.value for severity in Severity])
    family = s.CharField()
    points = s.IntegerField(help_text="below zero for what speaks for the member")
    shadow = s.BooleanField()


class EventShape(s.Serializer):
    """The event as it was kept, and what became of it."""

    event_id = s.CharField()
    type = s.CharField()
    occurred_at = s.DateTimeField()
    received_at = s.DateTimeField()
    member_id = s.CharField(allow_null=True)
    state = s.ChoiceField([state.value for state in EventState])
    verdict = s.ChoiceField([outcome.value for outcome in Outcome], allow_null=True)
    risk_score = s.IntegerField(allow_null=True)
    severity = s.ChoiceField([severity.value for severity in Severity], allow_null=True)
    signals = SignalShape(many=True)
    alert_id = s.UUIDField(allow_null=True)


class AlertShape(s.Serializer):
    id = s.UUIDField()
    cursor = s.CharField()
    status = s.ChoiceField([status.value for status in AlertStatus])
    disposition = s.ChoiceField([disposition.value for disposition in Disposition], allow_null=True)
    severity = s.ChoiceField([severity.value for severity in Severity])
    risk_score = s.IntegerField()
    title = s.CharField()
    summary = s.CharField()
    detectors = s.ListField(child=s.CharField())
    reasons = ReasonShape(many=True)
    suggested_actions = s.ListField(child=s.CharField())
    action_taken = s.CharField()
    member_id = s.CharField(allow_null=True)
    subject = s.CharField()
    event_id = s.CharField()
    event_count = s.IntegerField()
    first_seen_at = s.DateTimeField()
    last_seen_at = s.DateTimeField()
    created_at = s.DateTimeField()
    disputed = s.BooleanField()
    assignee = s.CharField(allow_null=True)
    snoozed_until = s.DateTimeField(allow_null=True)
    context = s.DictField()


class AlertActionShape(s.Serializer):
    id = s.UUIDField()
    verb = s.CharField()
    by = s.CharField()
    note = s.CharField()
    at = s.DateTimeField()
    undone_at = s.DateTimeField(allow_null=True)


class AlertDetailShape(AlertShape):
    actions = AlertActionShape(many=True)


class ActedShape(AlertShape):
    action_id = s.UUIDField(allow_null=True)


class PageShape(s.Serializer):
    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)


class AlertPageShape(PageShape):
    feed_cursor = s.CharField()
    results = AlertShape(many=True)


class HealthReasonShape(s.Serializer):
    code = s.CharField()
    text = s.CharField()
    points = s.IntegerField()
    fix = s.CharField()


class HealthShape(s.Serializer):
    score = s.IntegerField(min_value=0, max_value=100)
    band = s.ChoiceField(["good", "fair", "at_risk"])
    reasons = HealthReasonShape(many=True)
    suggestions = s.ListField(child=s.DictField(child=s.CharField()))


class MemberShape(s.Serializer):
    member_id = s.CharField()
    health = HealthShape()
    lock = LockShape(allow_null=True)
    open_alerts = s.IntegerField()


class UnlockedMemberShape(MemberShape):
    action_id = s.UUIDField(allow_null=True, help_text="for staff: takes the unlock back within 30 s")


class FeedShape(s.Serializer):
    results = s.ListField(child=s.DictField())
    cursor = s.CharField()
    more = s.BooleanField()


class ImportedShape(s.Serializer):
    member_id = s.CharField()
    status = s.CharField()


class ImportResultShape(s.Serializer):
    index = s.IntegerField()
    member_id = s.CharField(allow_null=True)
    status = s.ChoiceField(["accepted", "rejected"])
    errors = FaultShape(many=True, required=False)


class ImportShape(s.Serializer):
    accepted = s.IntegerField()
    rejected = s.IntegerField()
    results = ImportResultShape(many=True)


class PortalShape(s.Serializer):
    url = s.URLField()
    expires_at = s.DateTimeField()


class ChallengeShape(s.Serializer):
    challenge_id = s.CharField()
    sent_to = s.CharField()
    expires_at = s.DateTimeField()
    resend_after = s.IntegerField(help_text="seconds")


class TopicShape(s.Serializer):
    topic = s.CharField(help_text="security, questions or news")
    channels = s.ListField(child=s.CharField(), help_text="the ways chosen, beside the page, which always tells")
    offered = s.ListField(child=s.CharField())
    needs_one = s.BooleanField(help_text="at least one of the offered ways stays open")


class PreferencesShape(s.Serializer):
    language = s.ChoiceField(sorted(languages.NAMES))
    topics = TopicShape(many=True)


class UnlockedShape(s.Serializer):
    result = s.CharField()
    lock = LockShape(allow_null=True)


class DisputeShape(s.Serializer):
    reference = s.CharField()
    alert = s.DictField()
    lock = LockShape(allow_null=True)


class PingShape(s.Serializer):
    app = s.CharField()
    scopes = s.ListField(child=s.CharField())


class KeyShape(s.Serializer):
    id = s.CharField()
    app = s.CharField()
    scopes = s.ListField(child=s.CharField())
    trust = s.ChoiceField(["low", "normal", "high"])
    requires_signature = s.BooleanField()
    created_at = s.DateTimeField()
    expires_at = s.DateTimeField(allow_null=True)
    revoked_at = s.DateTimeField(allow_null=True)
    last_used_at = s.DateTimeField(allow_null=True)


class NewKeyShape(KeyShape):
    key = s.CharField(help_text="shown this once")


class LabelledShape(s.Serializer):
    event_id = s.CharField(required=False, help_text="or order_id, or psp_payment_id: as it was given")
    label = s.ChoiceField([truth.value for truth in Truth])
    duplicate = s.BooleanField()
    matched = s.BooleanField(help_text="whether the event is here and judged; if not, it is looked for again")
    received_at = s.DateTimeField()


class LabelResultShape(s.Serializer):
    index = s.IntegerField()
    status = s.ChoiceField(["accepted", "duplicate", "rejected"])
    matched = s.BooleanField()
    errors = FaultShape(many=True, required=False)


class LabelBatchShape(s.Serializer):
    accepted = s.IntegerField()
    duplicates = s.IntegerField()
    rejected = s.IntegerField()
    results = LabelResultShape(many=True)


class AnswersShape(s.Serializer):
    right = s.IntegerField()
    wrong = s.IntegerField()


class IntervalShape(s.Serializer):
    low = s.FloatField()
    high = s.FloatField()


class ShareShape(AnswersShape):
    precision = s.FloatField(allow_null=True)
    interval = IntervalShape(allow_null=True, help_text="95 %, by Wilson's score")


class SourcesShape(s.Serializer):
    labels = AnswersShape()
    staff = AnswersShape()
    members = AnswersShape()


class PrecisionShape(ShareShape):
    rule = s.CharField()
    title = s.CharField()
    alerts = s.IntegerField(help_text="it spoke in, answered or not")
    by = SourcesShape()
    shadow = ShareShape(help_text="over labelled events it spoke about in shadow")


class PeriodShape(s.Serializer):
    def get_fields(self) -> dict[str, s.Field]:
        return {"from": s.DateTimeField(), "to": s.DateTimeField(), **super().get_fields()}


class PrecisionsShape(PeriodShape):
    results = PrecisionShape(many=True)


class WorthShape(s.Serializer):
    currency = s.CharField()
    stopped = s.CharField(help_text="decimal")
    lost = s.CharField(help_text="decimal")


class SumShape(s.Serializer):
    amounts = WorthShape(many=True)
    stopped_orders = s.IntegerField()
    lost_orders = s.IntegerField()
    good_orders = s.IntegerField()
    hindered_orders = s.IntegerField(help_text="good ones that were challenged or refused")


class DaySumShape(SumShape):
    day = s.DateField()


class RuleSumShape(SumShape):
    rule = s.CharField()


class MoneyShape(PeriodShape):
    total = SumShape()
    days = DaySumShape(many=True)
    rules = RuleSumShape(many=True)


class ListEntryShape(s.Serializer):
    id = s.IntegerField()
    effect = s.ChoiceField([effect.value for effect in ListEffect])
    kind = s.ChoiceField([kind.value for kind in ListKind])
    value = s.CharField(help_text="in the one spelling of its kind")
    reason = s.CharField()
    owner = s.CharField()
    expires_at = s.DateTimeField(allow_null=True)
    created_at = s.DateTimeField()


class ListEntryPageShape(PageShape):
    results = ListEntryShape(many=True)


class ListedShape(s.Serializer):
    index = s.IntegerField()
    status = s.ChoiceField(["created", "duplicate", "rejected"])
    id = s.IntegerField(allow_null=True)
    errors = FaultShape(many=True, required=False)


class ListImportShape(s.Serializer):
    created = s.IntegerField()
    duplicates = s.IntegerField()
    rejected = s.IntegerField()
    results = ListedShape(many=True)


class EstimateShape(s.Serializer):
    alerts = s.IntegerField(help_text="counted over the days")
    days = s.FloatField()
    per_day = s.FloatField(help_text="alerts a day")
    low = s.FloatField(help_text="of the 95 % interval")
    high = s.FloatField()
    hour_limit = s.IntegerField(help_text="more alerts than this in an hour send the live rule back to shadow")
    day_limit = s.IntegerField()
    source = s.ChoiceField(["backtest", "past_week"])
    made_at = s.DateTimeField()


class RuleShape(s.Serializer):
    id = s.CharField()
    title = s.CharField()
    about = s.CharField()
    severity = s.ChoiceField([severity.value for severity in Severity])
    own_severity = s.ChoiceField([severity.value for severity in Severity], help_text="as the rule comes")
    listens_to = s.ListField(child=s.CharField())
    suggests = s.CharField()
    state = s.ChoiceField([state.value for state in RuleState])
    parameters = s.DictField(help_text="durations in seconds")
    own_parameters = s.DictField(help_text="as the rule comes")
    version = s.IntegerField(help_text="0: as it comes")
    changed_at = s.DateTimeField(allow_null=True)
    changed_by = s.CharField(allow_null=True)
    estimate = EstimateShape(allow_null=True, help_text="of the back-test it went to work with")


class RulePageShape(PageShape):
    results = RuleShape(many=True)


class RuleVersionShape(s.Serializer):
    version = s.IntegerField()
    state = s.ChoiceField([state.value for state in RuleState])
    parameters = s.DictField(help_text="what differs from the rule's own")
    severity = s.ChoiceField([severity.value for severity in Severity], allow_null=True)
    restores = s.IntegerField(allow_null=True, help_text="the version that was put back")
    note = s.CharField(allow_blank=True)
    by = s.CharField()
    at = s.DateTimeField()
    cause = s.ChoiceField(["trip", "preset"], allow_null=True, help_text="null: somebody's own decision")
    batch = s.UUIDField(allow_null=True, help_text="changes made as one share it")
    estimate = EstimateShape(allow_null=True)


class RuleHistoryShape(PageShape):
    results = RuleVersionShape(many=True)


class SettingShape(s.Serializer):
    state = s.ChoiceField([state.value for state in RuleState])
    parameters = s.DictField(help_text="what differs from the rule's own; durations in seconds")
    severity = s.ChoiceField([severity.value for severity in Severity], allow_null=True, help_text="null: its own")


class OverlapShape(s.Serializer):
    rule = s.CharField()
    alerts = s.IntegerField()


class EngineShape(s.Serializer):
    alerts = s.IntegerField(help_text="of all detectors together")
    challenged = s.IntegerField(help_text="events that were challenged or refused")
    known_bad_challenged = s.IntegerField()
    known_good_challenged = s.IntegerField()


class SideShape(s.Serializer):
    state = s.ChoiceField([state.value for state in RuleState])
    hits = s.IntegerField(help_text="events the rule spoke about")
    members = s.IntegerField()
    guests = s.IntegerField()
    alerts = s.IntegerField(help_text="it spoke in")
    alerts_a_day = s.FloatField()
    alone = s.IntegerField(help_text="alerts nobody else spoke in")
    overlap = OverlapShape(many=True, help_text="who else spoke in its alerts")
    known_bad_caught = s.IntegerField(help_text="of its hits, by labels and what became of alerts")
    known_good_hit = s.IntegerField()
    days = s.ListField(child=s.IntegerField(), help_text="its alerts, day by day")
    microseconds = s.FloatField(allow_null=True, help_text="the rule took for an event it listens to")

    def get_fields(self) -> dict[str, s.Field]:
        return {**super().get_fields(), "all": EngineShape()}


class KnownShape(s.Serializer):
    bad = s.IntegerField()
    good = s.IntegerField()


class SampleShape(s.Serializer):
    count = s.IntegerField()
    events = s.ListField(child=s.UUIDField(), help_text="the newest of them, by our ids")


class TrialResultShape(PeriodShape):
    cut = s.ChoiceField(["events", "time"], allow_null=True, help_text="why it is less than the period asked for")
    events = s.IntegerField(help_text="judged")
    before_events = s.IntegerField(help_text="taken in before, so that old devices are old")
    seconds = s.FloatField()
    known = KnownShape(help_text="events of the period that somebody said something about")
    before = SideShape(help_text="the rule as it is")
    after = SideShape(help_text="the rule as it would be; one in shadow as if it were live")
    newly_hit = SampleShape()
    no_longer_hit = SampleShape()
    estimate = EstimateShape(allow_null=True, help_text="kept when the rule goes to work like this; null under a day")


class TrialShape(PeriodShape, SettingShape):
    id = s.UUIDField()
    rule = s.CharField()
    version = s.IntegerField(help_text="of the rule when this was asked")
    status = s.ChoiceField(["waiting", "running", "done", "failed"])
    judged = s.IntegerField()
    total = s.IntegerField()
    by = s.CharField()
    created_at = s.DateTimeField()
    finished_at = s.DateTimeField(allow_null=True)
    result = TrialResultShape(allow_null=True)


class TrialPageShape(PageShape):
    results = TrialShape(many=True)


class DifferenceShape(s.Serializer):
    rule = s.CharField()
    before = SettingShape()
    after = SettingShape()
    why = s.CharField()


class PresetShape(s.Serializer):
    preset = s.CharField()
    title = s.CharField()
    why = s.CharField()
    changes = DifferenceShape(many=True, help_text="what taking it would change now")


class PresetPageShape(PageShape):
    results = PresetShape(many=True)


class AppliedShape(s.Serializer):
    preset = s.CharField()
    batch = s.UUIDField(allow_null=True, help_text="puts it back; null when nothing was changed")
    changes = DifferenceShape(many=True)


class UndoneShape(s.Serializer):
    rules = s.ListField(child=s.CharField())


class WebhookEndpointShape(s.Serializer):
    id = s.UUIDField()
    url = s.URLField()
    name = s.CharField(allow_blank=True)
    kinds = s.ListField(child=s.ChoiceField([kind.value for kind in WebhookKind]))
    state = s.ChoiceField(["active", "failing", "disabled"])
    failures = s.IntegerField(help_text="in a row")
    failing_since = s.DateTimeField(allow_null=True)
    disabled_at = s.DateTimeField(allow_null=True)
    disabled_why = s.CharField(allow_blank=True)
    secret_generation = s.IntegerField()
    previous_secret_until = s.DateTimeField(allow_null=True, help_text="so long both secrets sign")
    created_at = s.DateTimeField()


class NewWebhookEndpointShape(WebhookEndpointShape):
    secret = s.CharField(help_text="shown this once")


class WebhookEndpointPageShape(PageShape):
    results = WebhookEndpointShape(many=True)


class WebhookAttemptShape(s.Serializer):
    at = s.DateTimeField()
    status = s.IntegerField(allow_null=True)
    error = s.CharField(allow_null=True)
    duration_ms = s.IntegerField()


class WebhookDeliveryShape(s.Serializer):
    id = s.UUIDField()
    webhook_id = s.CharField(help_text="the same in every attempt and replay")
    kind = s.CharField()
    state = s.ChoiceField(["waiting", "delivered", "given_up"])
    attempts = s.IntegerField()
    created_at = s.DateTimeField()
    sent_at = s.DateTimeField(allow_null=True)
    next_at = s.DateTimeField(allow_null=True)
    log = WebhookAttemptShape(many=True)


class WebhookDeliveryPageShape(PageShape):
    results = WebhookDeliveryShape(many=True)


class ReplayedShape(s.Serializer):
    replayed = s.IntegerField()


class ListShape(PageShape):
    results = s.ListField(child=s.DictField())


class AskedShape(s.Serializer):
    status = s.ChoiceField(choices=["asked"])


class ModelShape(s.Serializer):
    kind = s.CharField()
    version = s.IntegerField()
    state = s.ChoiceField(choices=["trained", "shadow", "active", "retired"])
    digest = s.CharField()
    card = s.DictField(help_text="what it learned from, and how")
    watch = s.DictField(help_text="how it did when it was last looked at")
    watched_at = s.DateTimeField(allow_null=True)
    created_at = s.DateTimeField()
    activated_at = s.DateTimeField(allow_null=True)
