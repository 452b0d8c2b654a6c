"""What people type. Each form says what is missing in words that help."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from detection.kernel.vocabulary import Disposition, KeyScope, LockScope, Role, Trust
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


class KeyForm(forms.Form):
    """What a new API key may do, and for how long."""

    LIVES = [(0, "without end"), (30, "30 days"), (90, "90 days"), (365, "one year")]

    app = forms.CharField(max_length=100, error_messages={"required": "Please name the app that will use the key."})
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in KeyScope],
        error_messages={"required": "Please choose at least one thing the key may do."},
    )
    trust = forms.ChoiceField(choices=[(trust.name.lower(), trust.name) for trust in Trust])
    requires_signature = forms.BooleanField(required=False)
    days = forms.TypedChoiceField(choices=LIVES, coerce=int, empty_value=0, required=False)

    def clean_app(self) -> str:
        name = str(self.cleaned_data["app"])
        if not name.isprintable():
            raise forms.ValidationError("The app’s name has characters nobody can see.")
        return name

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if said.get("trust") == "high":  # its word can lock people: only a signed one counts as high
            said["requires_signature"] = True
        return said


class InviteForm(forms.Form):
    """Somebody new among the staff."""

    name = forms.CharField(max_length=64, error_messages={"required": "Please give the name they sign in by."})
    email = forms.EmailField(max_length=200, required=False, error_messages={"invalid": "That is no e-mail address."})
    role = forms.ChoiceField(
        choices=[(role.value, role.value) for role in Role],
        error_messages={"required": "Please choose a role.", "invalid_choice": "Please choose a role."},
    )


def complaint(form: forms.Form) -> str:
    """The first thing wrong with a form, in words."""
    return next((str(errors[0]) for errors in form.errors.values()), "Something is missing.")


def scope_words() -> list[tuple[str, str]]:
    return [(scope.value, wording.SCOPES[scope.value]) for scope in LockScope]
