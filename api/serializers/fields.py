"""Fields that guess nothing: a number is no string, a time has a zone, an unknown name is a fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """A string, as it was sent but for the space around it."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """``true`` or ``false``."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Choice(serializers.ChoiceField):
    """One of a list of strings."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input="")
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """ISO 8601 with a zone."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not value.isascii():
            self.fail("invalid", format="ISO 8601 with a zone")
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format="ISO 8601 with a zone")
        if found.tzinfo is None or not 1970 <= found.year <= 9000:
            self.fail("invalid", format="ISO 8601 with a zone")
        return found


class Strict(serializers.Serializer):
    """An object without fields nobody knows."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = {
                name: [serializers.ErrorDetail("This field is not known here.", code="unknown")]
                for name in data
                if name not in self.fields
            }
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)
