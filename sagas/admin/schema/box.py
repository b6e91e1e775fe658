"""A box of JSON, for values that no schema describes."""

from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput


class JSON(forms.JSONField):
    """JSON in a box; an empty box is nothing."""

    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "json"})

    def to_python(self, value: Any) -> Any:
        """The value; what Python cannot read, such as a very deep one, is told as what is no JSON is."""
        try:
            return super().to_python(value)
        except (ValueError, RecursionError):
            raise forms.ValidationError("It is too deep, or has a number of too many digits.") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What stands in the box again: what cannot be read, as it was written."""
        try:
            return super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        """What stands in the box: nothing for nothing."""
        return None if value is None else super().prepare_value(value)
