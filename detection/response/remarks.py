"""Staff's notes about members and things: written, read, taken away again by who wrote them or an administrator."""

from __future__ import annotations

from detection.kernel.records import Actor
from detection.models import Remark
from detection.work import unit_of_work

MEMBER = "member"
LONGEST = 1000
SHOWN = 50


def about(kind: str, name: str) -> list[Remark]:
    """The newest notes about a thing, newest first."""
    return list(Remark.objects.filter(kind=kind, name=name).order_by("-at", "-id")[:SHOWN])


def add(kind: str, name: str, text: str, *, actor: Actor) -> Remark:
    """Write a note. Of its text the audit trail keeps nothing, so that erasing a member erases it whole."""
    with unit_of_work(actor) as work:
        made = Remark.objects.create(
            kind=kind, name=name, text=text[:LONGEST], author=actor.label, author_user_id=actor.user_id
        )
        work.audit("remark.added", target=f"{kind}:{name}", remark=made.pk)
    return made


def remove(remark: Remark, *, actor: Actor, any_author: bool = False) -> bool:
    """Take a note away; False when it is gone already or somebody else's."""
    with unit_of_work(actor) as work:
        mine = Remark.objects.filter(pk=remark.pk)
        if not any_author:
            mine = mine.filter(author_user=actor.user_id)
        if not mine.delete()[0]:
            return False
        work.audit("remark.removed", target=f"{remark.kind}:{remark.name}", remark=remark.pk, author=remark.author)
    return True
