"""Templates of messages: Django's engine without what could reach beyond its data, and strict about what is missing.

There are a few tags and filters and no others: nothing loads, includes or reads settings. Objects and lists of the data
have members and no methods. What is printed and how often is repeated has bounds, so little text makes no endless one.
`{% if name %}` asks whether something is there; everything else that is not there is an error.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.template import Context, Engine
from django.template.base import Node, Template, TextNode, VariableNode
from django.template.defaulttags import ForNode

TAGS = {"if", "for", "with", "comment", "firstof"}
FILTERS = {
    *("capfirst", "date", "default", "default_if_none", "escape", "first", "last", "length", "linebreaksbr", "lower"),
    *("pluralize", "time", "title", "truncatechars", "truncatewords", "upper", "urlencode", "yesno"),
}
LONGEST_SOURCE = 100_000
LONGEST_RESULT = 200_000
MOST_ROUNDS = 10_000


class Unrenderable(ValueError):
    """The template cannot be used, or the data do not fit it; the message is a sentence for whoever wrote them."""


class _Missing(str):
    """In place of what is missing: the engine formats it with the name, and that raises."""

    __slots__ = ()

    def __mod__(self, name: object) -> str:
        raise Unrenderable(f"The data have no {str(name)[:100]!r}.")

    def __str__(self) -> str:
        raise Unrenderable("What stands there has no value of its own.")


class _Members:
    """An object or a list of the data: what is in it, and no methods that a template could call."""

    __slots__ = ("_values",)

    def __init__(self, values: Any) -> None:
        self._values = values

    def __getitem__(self, name: Any) -> Any:
        return _sealed(self._values[name])

    def __iter__(self) -> Iterator[Any]:
        return (_sealed(value) for value in self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        raise Unrenderable("An object or a list is printed member by member.")


class _Counted(Context):
    """The data, and how much was made of them."""

    printed = 0
    rounds = 0

    def count(self, text: str) -> str:
        self.printed += len(text)
        if self.printed > LONGEST_RESULT:
            raise Unrenderable(f"The text is longer than {LONGEST_RESULT} characters.")
        return text


class _Variable(VariableNode):
    def render(self, context: Context) -> Any:
        return _count(context, super().render(context))


class _Text(TextNode):
    def render(self, context: Context) -> Any:
        return _count(context, super().render(context))

    render_annotated = render


class _Loop(ForNode):
    def render(self, context: Context) -> Any:
        sequence = self.sequence
        values = None if isinstance(sequence, str) else sequence.resolve(context)
        if not isinstance(values, _Members):
            raise Unrenderable(f"{{% for %}} goes over lists, and {str(sequence)[:100]!r} is none.")
        assert isinstance(context, _Counted)  # noqa: S101 - the only context that there is here
        context.rounds += len(values)
        if context.rounds > MOST_ROUNDS:
            raise Unrenderable(f"Its loops take more than {MOST_ROUNDS} rounds.")
        return super().render(context)


_BOUNDED: dict[type[Node], type[Node]] = {VariableNode: _Variable, TextNode: _Text, ForNode: _Loop}


def compiled(source: str, *, escapes: bool = False) -> Template:
    """The template. Raises `Unrenderable`, also for tags and filters that there are not."""
    if len(source) > LONGEST_SOURCE:
        raise Unrenderable(f"A template has at most {LONGEST_SOURCE} characters.")
    try:
        template = Template(source, engine=_engine(escapes))
    except RecursionError:
        raise Unrenderable("The template is nested too deeply.") from None
    except Exception as error:  # the engine's parsers raise what they like
        raise Unrenderable(f"The template cannot be read: {error}") from None
    for plain, bounded in _BOUNDED.items():
        for node in template.nodelist.get_nodes_by_type(plain):
            if type(node) is plain:
                node.__class__ = bounded
    return template


def render(source: str, data: Mapping[str, Any], *, escapes: bool = False) -> str:
    """The text; with `escapes`, HTML in which data are text. Raises `Unrenderable`."""
    template = compiled(source, escapes=escapes)
    context = _Counted({name: _sealed(value) for name, value in data.items()}, autoescape=escapes)
    try:
        return str(template.render(context))
    except Unrenderable:
        raise
    except Exception as error:  # a filter given what it cannot take
        raise Unrenderable(f"The template does not fit the data: {type(error).__name__}.") from error


def _engine(escapes: bool) -> Engine:
    engine = Engine(loaders=[], string_if_invalid=_Missing("%s"), autoescape=escapes)
    kept = []
    for library in engine.template_builtins:
        copy = type(library)()
        copy.tags = {name: found for name, found in library.tags.items() if name in TAGS}
        copy.filters = {name: found for name, found in library.filters.items() if name in FILTERS}
        kept.append(copy)
    engine.template_builtins = kept
    return engine


def _count(context: Context, text: str) -> str:
    assert isinstance(context, _Counted)  # noqa: S101 - the only context that there is here
    return context.count(text)


def _sealed(value: Any) -> Any:
    return _Members(value) if isinstance(value, dict | list) else value
