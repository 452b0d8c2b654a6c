"""By which ways a member hears of what: their choice, within what keeps them safe. Their page always tells."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from detection.kernel.records import Actor
from detection.kernel.vocabulary import Channel
from detection.models import Contact, Member, NoticePreference
from detection.response.letters import languages
from detection.response.notifiers import sms
from detection.work import unit_of_work

SECURITY, QUESTIONS, NEWS = "security", "questions", "news"
#: Every kind of letter to a member belongs to a topic; one that is not named here is security.
_TOPIC_OF = {
    "alert.raised": QUESTIONS,
    "dispute.confirmed": NEWS,
    "lock.expired": NEWS,
    "lock.released": NEWS,
}
_USUAL = {SECURITY: (Channel.EMAIL, Channel.SMS), QUESTIONS: (Channel.EMAIL,), NEWS: ()}
_KIND = {Channel.EMAIL: Contact.EMAIL, Channel.SMS: Contact.PHONE}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with the ways a member chose for it, and those that are open to them."""

    name: str
    chosen: tuple[Channel, ...]
    offered: tuple[Channel, ...]
    needs_one: bool

    def wire(self) -> dict[str, Any]:
        """As its member sees it."""
        return {
            "topic": self.name,
            "channels": [channel.value for channel in self.chosen],
            "offered": [channel.value for channel in self.offered],
            "needs_one": self.needs_one,
        }


def topics(member: Member, *, now: datetime | None = None) -> list[Topic]:
    """Every topic as this member has set it."""
    offered = tuple(channel for channel, found in _contacts(member, now or timezone.now()).items() if found)
    kept = dict(NoticePreference.objects.filter(member=member).values_list("topic", "channels"))
    return [
        Topic(name, tuple(c for c in offered if c in kept.get(name, usual)), offered, name == SECURITY)
        for name, usual in _USUAL.items()
    ]


def choose(member: Member, wanted: dict[str, Collection[str]], *, actor: Actor, language: str = "") -> str:
    """Keep a member's choice, the language to write to them in too where one is given; why it can't be, "" when it is
    kept."""
    offered = topics(member)
    for topic in offered:
        if topic.needs_one and topic.offered and not set(wanted.get(topic.name, ())) & set(topic.offered):
            return "We have to reach you when your account is in danger: leave at least one way open for that."
    with unit_of_work(actor) as work:
        if language in languages.NAMES and language != member.language:
            member.language = language
            member.save(update_fields=["language"])
            work.audit("language.chosen", target=member.member_id, language=language)
        for topic in offered:
            # What is not offered now stays as it was chosen, for when there is such a contact again.
            chosen = [channel.value for channel in topic.offered if channel in wanted.get(topic.name, ())]
            row, _ = NoticePreference.objects.select_for_update().get_or_create(
                member=member, topic=topic.name, defaults={"channels": [c.value for c in _USUAL[topic.name]]}
            )
            row.channels = chosen + [c for c in row.channels if c not in topic.offered]
            row.save(update_fields=["channels"])
            work.audit("preferences.changed", target=member.member_id, topic=topic.name, channels=chosen)
    return ""


def browser_asks(member: Member, accepted: str) -> None:
    """Keep the language of a member's browser, where neither they nor the shop have named one."""
    language = languages.asked_for(accepted)
    if language and not member.locale and not member.language:
        Member.objects.filter(pk=member.pk, locale="").update(locale=language)


def topic_of(kind: str) -> str:
    """The topic a kind of letter belongs to."""
    return _TOPIC_OF.get(kind, SECURITY)


class Reach:
    """Where letters to these members go beside the page. Two queries, however many they are."""

    def __init__(self, members: Collection[Member], now: datetime) -> None:
        pks = {member.pk for member in members}
        kept = NoticePreference.objects.filter(member__in=pks).values_list("member", "topic", "channels")
        self._kept = {(member, topic): channels for member, topic, channels in kept}
        self._known: dict[int, list[Contact]] = {}
        for contact in Contact.objects.filter(member__in=pks, held=False).order_by("added_at", "pk"):
            self._known.setdefault(contact.member_id, []).append(contact)
        self._now = now

    def by(self, member: Member, kind: str) -> list[tuple[Channel, str]]:
        """Where a letter of this kind goes. Security goes everywhere when the choice reaches nobody."""
        topic = topic_of(kind)
        chosen = self._kept.get((member.pk, topic), _USUAL[topic])
        found = _known_by(self._known.get(member.pk, []), self._now)
        every = [(channel, address) for channel, addresses in found.items() for address in addresses]
        reached = [(channel, address) for channel, address in every if channel in chosen]
        return every if topic == SECURITY and not reached else reached


def contacts(member: Member, channel: Channel, now: datetime) -> list[str]:
    """Every contact known to be the member's: the verified ones, and the one codes go to."""
    return _contacts(member, now)[channel]


def _contacts(member: Member, now: datetime) -> dict[Channel, list[str]]:
    """One query."""
    return _known_by(list(Contact.objects.filter(member=member, held=False).order_by("added_at", "pk")), now)


def _known_by(every: list[Contact], now: datetime) -> dict[Channel, list[str]]:
    """By channel, the contacts known to be a member's: the verified ones, and the one codes go to."""
    found = {}
    for channel, kind in _KIND.items():
        mine = [contact for contact in every if contact.kind == kind]
        safe = Contact.objects.safest(mine, now)
        known = [contact for contact in mine if contact.verified_at or contact == safe]
        if channel is Channel.SMS:
            known = [contact for contact in known if sms.reaches(contact.value)]
        found[channel] = list(dict.fromkeys(contact.value for contact in known))
    return found
