"""One shape for all that goes wrong: RFC 9457 problem+json, with pointers to the faults and never their values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from math import ceil
from random import uniform
from typing import Any

import msgspec
import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from detection import deciding
from detection.intake.strict_json import Malformed

CONTENT_TYPE = "application/problem+json"
RETRY_WHEN_DOWN = 2.0
logger = structlog.get_logger("secureretail.api")

Fault = dict[str, str]

#: Said instead of the framework's own words, which would repeat what was sent.
_QUIET = {
    "invalid_choice": "This is not one of the possible values.",
    "does_not_exist": "There is no such thing.",
    "unknown": "This field is not known here.",
}


class Problem(exceptions.APIException):
    """Anything a door refuses. ``code`` is for programs, ``detail`` for people, ``members`` are extra keys."""

    def __init__(
        self,
        status: int,
        detail: str,
        /,
        *,
        code: str = "",
        errors: Iterable[Mapping[str, str]] = (),
        retry_after: float | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status_code = status
        self.text = detail
        self.code = code
        self.errors = [dict(error) for error in errors]
        self.retry_after = retry_after
        self.members = members


def body(
    status: int, detail: str, /, *, code: str = "", errors: Iterable[Fault] = (), **members: Any
) -> dict[str, Any]:
    """A problem as it is sent."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code or title.lower().replace(" ", "-"),
        "detail": detail,
        "errors": list(errors),
        **members,
    }


def missing() -> Problem:
    """The one answer for what is not there and for what is another's."""
    return Problem(404, "There is nothing here.")


def faulty(*errors: Fault) -> Problem:
    """What was sent cannot be used, for these reasons."""
    return Problem(400, "What was sent cannot be used; see errors.", code="invalid", errors=errors)


def out_of_reach(detail: str) -> Problem:
    """Something we need is away for the moment."""
    return Problem(503, detail, retry_after=spread(RETRY_WHEN_DOWN))


def spread(seconds: float) -> float:
    """A time to wait, a little longer for some, so that not everybody comes back at once."""
    return seconds * uniform(1.0, 1.5)  # noqa: S311 - no secret


def fault(pointer: str, detail: str, code: str = "invalid") -> Fault:
    return {"pointer": pointer, "detail": detail, "code": code}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Every exception of a door becomes a problem; one nobody foresaw is logged and says nothing about itself."""
    problem = as_problem(exc)
    if problem.status_code >= 500:
        logger.error("door.failed", status=problem.status_code, error=type(exc).__name__, exc_info=exc)
    response = Response(_content(problem), status=problem.status_code, content_type=CONTENT_TYPE)
    for name, value in _headers(problem, exc).items():
        response[name] = value
    return response


def as_problem(exc: BaseException | None) -> Problem:
    """The problem an exception stands for."""
    match exc:
        case Problem():
            return exc
        case Malformed():
            return Problem(
                exc.status,
                "What was sent cannot be read.",
                code={413: "too-large", 415: "unsupported-media-type"}.get(exc.status, "malformed"),
                errors=[fault(exc.pointer, exc.detail, "malformed")],
            )
        case exceptions.ValidationError():
            return faulty(*flatten(exc.detail))
        case deciding.Busy():
            return out_of_reach("This could not be judged just now. Ask again with the same event_id.")
        case OperationalError() | InterfaceError():
            return out_of_reach("The database cannot be reached. Try again shortly.")
        case Http404() | exceptions.NotFound():
            return missing()
        case UnreadablePostError():
            return Problem(400, "The body ended too early.", code="malformed")
        case PermissionDenied():
            return Problem(403, "You may not do this.")
        case exceptions.NotAuthenticated():
            return Problem(401, "Send a key, as the header Authorization: Bearer sk_…, or sign in.", code=_code(exc))
        case exceptions.APIException():
            return Problem(exc.status_code, str(exc.detail), code=_code(exc))
    return Problem(500, "Something failed on our side. It was written down.")


def flatten(detail: Any, pointer: str = "") -> list[Fault]:
    """The framework's nested faults as a flat list of pointers."""
    if isinstance(detail, dict):
        return [
            found
            for name, inner in detail.items()
            for found in flatten(inner, pointer if name == "non_field_errors" else f"{pointer}/{escaped(name)}")
        ]
    if isinstance(detail, list):
        if any(isinstance(inner, dict) for inner in detail):
            return [found for place, inner in enumerate(detail) for found in flatten(inner, f"{pointer}/{place}")]
        return [found for inner in detail for found in flatten(inner, pointer)]
    code = getattr(detail, "code", "invalid")
    return [fault(pointer, _QUIET.get(code, str(detail)), code)]


def escaped(name: Any) -> str:
    """A key inside a JSON pointer (RFC 6901), cut short and without halves of characters."""
    return str(name)[:130].encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")


def _code(exc: exceptions.APIException) -> str:
    return {401: "not-authenticated", 403: "forbidden", 405: "method-not-allowed"}.get(exc.status_code, "")


def _content(problem: Problem) -> dict[str, Any]:
    return body(problem.status_code, problem.text, code=problem.code, errors=problem.errors, **problem.members)


def _headers(problem: Problem, exc: BaseException | None) -> dict[str, str]:
    headers = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(max(1, ceil(problem.retry_after)))
    if problem.status_code == 401:
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", 'Bearer realm="SecureRetail"')
    return headers


# --- where no door is involved: the handlers of the whole site ------------------------------------------------


def _plain(request: HttpRequest, problem: Problem) -> HttpResponse:
    response = HttpResponse(
        msgspec.json.encode(_content(problem)), status=problem.status_code, content_type=CONTENT_TYPE
    )
    for name, value in _headers(problem, None).items():
        response[name] = value
    return response


def for_programs(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if for_programs(request):
        return _plain(request, Problem(400, "This request cannot be read.", code="malformed"))
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """Also the answer to a failed CSRF check."""
    if for_programs(request):
        return _plain(request, Problem(403, "You may not do this.", code="forbidden"))
    return defaults.permission_denied(request, exception or PermissionDenied())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if for_programs(request):
        slash = "" if request.path.endswith("/") else " Addresses end with a slash."
        return _plain(request, Problem(404, missing().text + slash))
    return defaults.page_not_found(request, exception or Http404())


def server_error(request: HttpRequest) -> HttpResponse:
    """A database out of reach is 503 with ``Retry-After``, on pages too; anything else is 500."""
    problem = as_problem(sys.exc_info()[1])
    if problem.status_code != 503:
        problem = as_problem(None)
    if for_programs(request):
        return _plain(request, problem)
    response = defaults.server_error(request)
    response.status_code = problem.status_code
    for name, value in _headers(problem, None).items():
        response[name] = value
    return response
