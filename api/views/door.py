"""What all doors have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.response import Response
from rest_framework.views import APIView

from api import errors, throttling
from api.addresses import client_ip
from api.authentication import ApiKeyAuthentication, Credentials, PersonAuthentication
from api.pagination import only
from api.parsers import SINGLE, StrictJSON, flawless, parse, raw
from api.permissions import Access, Declared
from api.renderers import AlwaysJSON, JSONRenderer
from detection.kernel.records import Actor
from detection.kernel.vocabulary import ActorKind
from detection.models import Member
from detection.response import accounts

READING = frozenset({"GET", "HEAD"})


class Door(APIView):
    """Authenticates, compares with ``access``, counts, and answers in JSON whatever happens.

    ``access`` names who may use which method; what it does not name is closed. ``parameters`` are the query's names.
    """

    authentication_classes = (ApiKeyAuthentication, PersonAuthentication)
    permission_classes = (Declared,)
    renderer_classes = (JSONRenderer,)
    parser_classes = (StrictJSON,)
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    throttle_classes = ()
    http_method_names = ("get", "head", "post", "put", "patch", "delete")

    access: ClassVar[Mapping[str, Access]] = {}
    parameters: ClassVar[tuple[str, ...]] = ()
    allowance: throttling.Allowance | None = None

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any(isinstance(value, str) and not _speakable(value) for value in kwargs.values()):
            raise errors.missing()
        if request.method in READING:
            only(request.query_params, *self.parameters)

    def check_throttles(self, request: Any) -> None:
        if isinstance(request.auth, Credentials):
            self.allowance = throttling.keys.demand(request.auth.key.pk)
        elif request.method not in READING and request.user.is_authenticated:
            throttling.sessions.demand(request.user.pk)

    def permission_denied(self, request: Any, message: str | None = None, code: str | None = None) -> None:
        if request.method not in READING:
            throttling.addresses.demand(client_ip(request._request))
        super().permission_denied(request, message, code)

    def get_exception_handler(self) -> Callable[..., Response]:
        return errors.exception_handler

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.allowance is not None:
            for name, value in self.allowance.headers.items():
                response[name] = value
        return response

    # --- what the doors ask for -----------------------------------------------------------------------------

    def body(self, form: type[Any] | None = None, *, most: int = SINGLE) -> Any:
        """The body as ``form`` lets it through. Raises what becomes a 400, 413 or 415."""
        request = self.request._request
        value = flawless(parse(request, raw(request, most=most)))
        if form is None:
            return value
        filled = form(data=value)
        filled.is_valid(raise_exception=True)
        return filled.validated_data

    @property
    def credentials(self) -> Credentials:
        return self.request.auth  # type: ignore[no-any-return]

    @property
    def by_key(self) -> bool:
        return isinstance(self.request.auth, Credentials)

    @property
    def by(self) -> ActorKind:
        return ActorKind.SHOP if self.by_key else ActorKind.STAFF

    @property
    def actor(self) -> Actor:
        ip = client_ip(self.request._request)
        return self.credentials.actor(ip) if self.by_key else accounts.actor_of(self.request.user, ip)


def known_id(text: str) -> UUID:
    """An id of ours from an address. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise errors.missing() from None


def known_member(member_id: str) -> Member:
    """The member the shop calls so. Raises Problem 404."""
    found = Member.objects.filter(member_id=member_id).first()
    if found is None:
        raise errors.missing()
    return found


def _speakable(text: str) -> bool:
    """Whether a name from a path can be asked a database for."""
    return "\x00" not in text and len(text) <= 400 and not any("\ud800" <= char <= "\udfff" for char in text)
