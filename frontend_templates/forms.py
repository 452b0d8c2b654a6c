"""What people type. Each form says what is missing in words that help."""

from __future__ import annotations

import re

from django import forms

from detection.kernel.vocabulary import Disposition, LockScope
from detection.models import LockBatch
from frontend_templates import wording

LONGEST_NOTE = 1000


class SignIn(forms.Form):
    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=512, strip=False)


class Password(forms.Form):
    password = forms.CharField(max_length=512, strip=False)


class Code(forms.Form):
    """A one-time code, however it was pasted: spaces and dashes do not matter."""

    challenge_id = forms.CharField(max_length=64)
    code = forms.CharField(max_length=40)

    def clean_code(self) -> str:
        return re.sub(r"[\s\-\u2010-\u2015]", "", self.cleaned_data["code"])


class Note(forms.Form):
    """A note, wanted."""

    note = forms.CharField(max_length=LONGEST_NOTE, error_messages={"required": "Please write a few words first."})


class MaybeNote(forms.Form):
    """A note, welcome."""

    note = forms.CharField(max_length=LONGEST_NOTE, required=False)


class Resolution(MaybeNote):
    disposition = forms.ChoiceField(
        choices=[(item.value, item.value) for item in Disposition],
        error_messages={"required": "Please say what it was.", "invalid_choice": "Please say what it was."},
    )
    unlock = forms.BooleanField(required=False)


class Reason(forms.Form):
    """Why staff do what they do to a member; it goes into the audit trail."""

    reason = forms.CharField(max_length=LONGEST_NOTE, error_messages={"required": "Please give a reason."})


class LockRequest(Reason):
    scope = forms.ChoiceField(choices=[(item.value, item.value) for item in LockScope], initial=LockScope.PAYMENTS)
    length = forms.TypedChoiceField(
        choices=[("24", "24 hours"), ("168", "7 days"), ("0", "until staff lift it")], coerce=int
    )


class Settlement(Reason):
    """What becomes of everybody a storm restricted."""

    client = forms.IntegerField(required=False)
    code = forms.CharField(max_length=64)
    verb = forms.ChoiceField(choices=LockBatch._meta.get_field("verb").choices)


class DeviceName(forms.Form):
    """What a member calls a device; empty takes the name away."""

    name = forms.CharField(max_length=60, required=False)


class FaceForm(forms.Form):
    """How the pages look to a client's members."""

    client = forms.IntegerField()
    name = forms.CharField(max_length=60, error_messages={"required": "Please give the name members know."})
    colour = forms.CharField(max_length=7, required=False)
    contact = forms.CharField(max_length=200, required=False)
    frame_origins = forms.CharField(max_length=2000, required=False)
    logo = forms.FileField(required=False)
    no_logo = forms.BooleanField(required=False)


def complaint(form: forms.Form) -> str:
    """The first thing wrong with a form, in words."""
    return next((str(errors[0]) for errors in form.errors.values()), "Something is missing.")


def scope_words() -> list[tuple[str, str]]:
    return [(scope.value, wording.SCOPES[scope.value]) for scope in LockScope]
