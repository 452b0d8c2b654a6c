"""The live feed as each viewer may see it: old snapshot + frames = new snapshot.

An entry is read the same way whether it is pushed, resumed or fetched: alerts as the viewer's own REST list shows them
now, locks and health as they were said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from detection.kernel.records import iso
from detection.models import FeedEntry, Member, Notification, cursor_text

PAGE = 200


@dataclass(frozen=True, slots=True)
class StaffViewer:
    """Sees everything but notices to members."""


@dataclass(frozen=True, slots=True)
class MemberViewer:
    """Sees what is its own."""

    member: int


Viewer = StaffViewer | MemberViewer


def parse_cursor(text: str | None) -> int | None:
    """The cursor as a number; None when it is none of ours. Nothing given means from the beginning."""
    if text is None or text == "":
        return 0
    if len(text) <= 19 and text.isascii() and text.isdigit():
        return int(text)
    return None


def entries_for(viewer: Viewer) -> QuerySet[FeedEntry]:
    """What the viewer may see of the feed, and nothing else."""
    if isinstance(viewer, MemberViewer):
        return FeedEntry.objects.filter(member=viewer.member, for_member=True)
    return FeedEntry.objects.filter(for_staff=True)


def latest(viewer: Viewer) -> int:
    """The newest cursor of this viewer, 0 when nothing was ever said."""
    return entries_for(viewer).order_by("-id").values_list("id", flat=True).first() or 0


def frames(viewer: Viewer, *, after: int, limit: int = PAGE) -> tuple[list[dict[str, Any]], str, bool]:
    """Frames after a cursor in order, the cursor to go on from, and whether there is more. Three queries."""
    found = list(_with_subjects(entries_for(viewer).filter(id__gt=after)).order_by("id")[: limit + 1])
    more = len(found) > limit
    page = found[:limit]
    cursor = page[-1].pk if page else after
    return _frames(page, viewer), cursor_text(cursor), more


def build(entry_ids: Sequence[int]) -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]]]:
    """The frames of committed entries, for staff and by member, to be pushed once to each audience."""
    found = list(_with_subjects(FeedEntry.objects.filter(id__in=entry_ids)).order_by("id"))
    staff = _frames([entry for entry in found if entry.for_staff], StaffViewer())
    members: dict[int, list[dict[str, Any]]] = {}
    by_member: dict[int, list[FeedEntry]] = {}
    for entry in found:
        if entry.for_member and entry.member_id:
            by_member.setdefault(entry.member_id, []).append(entry)
    for member, entries in by_member.items():
        members[member] = _frames(entries, MemberViewer(member))
    return staff, members


def hello_state(member: Member) -> dict[str, Any]:
    """The member's whole state, as ``hello`` carries it."""
    from detection.response import members  # response stands beside the feed and says its own state

    return members.overview(member)


def _with_subjects(entries: QuerySet[FeedEntry]) -> QuerySet[FeedEntry]:
    return entries.select_related("alert__member", "alert__assignee", "member")


def _frames(entries: Iterable[FeedEntry], viewer: Viewer) -> list[dict[str, Any]]:
    chosen = list(entries)
    wanted = [entry.notification for entry in chosen if entry.notification]
    notices = {row.pk: row for row in Notification.objects.filter(pk__in=wanted)} if wanted else {}
    made = []
    for entry in chosen:
        frame: dict[str, Any] = {"kind": entry.kind, "cursor": cursor_text(entry.pk), "at": iso(entry.at)}
        if entry.alert is not None:
            record = entry.alert.record()
            frame["alert"] = record.member_wire() if isinstance(viewer, MemberViewer) else record.wire()
        elif entry.notification:
            notice = notices.get(entry.notification)
            if notice is None:  # erased since
                continue
            frame["notification"] = notice.wire()
        else:
            frame |= entry.payload
        made.append(frame)
    return made
