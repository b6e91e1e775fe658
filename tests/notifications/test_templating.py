"""Templates: strict about their data, and nothing leads out of them or makes much of little."""

import pytest

from notifications.templating import Unrenderable, compiled, render

ORDER = {"name": "Jane", "lines": [{"sku": "book", "number": 2}, {"sku": "pen", "number": 1}], "note": ""}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ name }}", "Hello Jane"),
        ("{{ name|upper }}", "JANE"),
        (
            "{% for line in lines %}{{ line.number }} {{ line.sku }}{% if not forloop.last %}, {% endif %}{% endfor %}",
            "2 book, 1 pen",
        ),
        ("{{ lines.0.sku }} {{ lines|length }}", "book 2"),
        ("{% with lines.1 as line %}{{ line.sku }}{% endwith %}", "pen"),
        ("{% if missing %}yes{% else %}no{% endif %}", "no"),
        ("{% if lines %}yes{% endif %}", "yes"),
        ("{% firstof note name %}", "Jane"),
        ("{{ note|default:'none' }}", "none"),
        ("{% comment %}{{ missing }}{% endcomment %}", ""),
    ],
)
def test_what_they_can(source, text):
    assert render(source, ORDER) == text


def test_html_shows_data_as_text():
    assert render("<b>{{ name }}</b>", {"name": "<i>&"}, escapes=True) == "<b>&lt;i&gt;&amp;</b>"
    assert render("{{ name }}", {"name": "<i>&"}) == "<i>&"


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ missing|default:'x' }}",
        "{{ missing|upper }}",
        "{{ lines.7.sku }}",
        "{{ lines.0.prize }}",
        "{% for line in missing %}x{% endfor %}",
        "{% for letter in name %}x{% endfor %}",
        "{% with missing as x %}{{ x }}{% endwith %}",
        "{{ lines }}",
        "{{ lines.0 }}",
        "{{ lines|first }}",
    ],
)
def test_what_is_missing_or_has_no_words_is_an_error(source):
    with pytest.raises(Unrenderable):
        render(source, ORDER)


@pytest.mark.parametrize(
    "source",
    [
        "{% load static %}",
        "{% include 'admin/base.html' %}",
        "{% extends 'admin/base.html' %}",
        "{% debug %}",
        "{% csrf_token %}",
        "{% url 'admin:index' %}",
        "{% now 'Y' %}",
        "{% lorem 99999999 %}",
        "{% widthratio 1 2 3 %}",
        "{% cycle 'a' 'b' %}",
        "{% autoescape off %}{{ name }}{% endautoescape %}",
        "{% filter force_escape %}{% endfilter %}",
        "{{ name|safe }}",
        "{{ name|center:'99999999' }}",
        "{{ name|ljust:'99999999' }}",
        "{{ name|stringformat:'99999999s' }}",
        "{{ 1|floatformat:99999999 }}",
        "{{ lines|join:name }}",
        "{{ lines|pprint }}",
        "{{ name.__class__ }}",
        "{{ name.__class__.__mro__ }}",
        "{{ _x }}",
        "{% if %}",
        "{% for x in lines %}",
        "{% if a %}" * 5000 + "{% endif %}" * 5000,
        "x" * 100_001,
    ],
)
def test_what_leads_out_or_cannot_be_read_is_refused_when_it_is_saved(source):
    with pytest.raises(Unrenderable):
        compiled(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ lines.items }}",
        "{{ lines.clear }}",
        "{{ lines.pop }}",
        "{{ lines.0.keys }}",
        "{{ lines.0.values }}",
        "{{ block.super }}",
        "{{ settings.SECRET_KEY }}",
        "{{ request.user }}",
        "{{ self }}",
        "{{ name.format.im_func }}",
        "{{ name.zfill }}",
        "{{ forloop.parentloop }}",
    ],
)
def test_data_have_members_and_no_methods(source):
    data = {"name": "Jane", "lines": [{"a": 1}]}
    with pytest.raises(Unrenderable):
        render(source, data)
    assert data == {"name": "Jane", "lines": [{"a": 1}]}


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("{% for a in x %}{% for b in x %}{% for c in x %}.{% endfor %}{% endfor %}{% endfor %}", {"x": [1] * 1000}),
        ("{% for a in x %}{% endfor %}" * 20, {"x": [1] * 1000}),
        ("{{ x }}" * 1000, {"x": "x" * 1000}),
        ("{% for a in x %}" + "word " * 1000 + "{% endfor %}", {"x": [1] * 1000}),
    ],
)
def test_little_does_not_make_much(source, data):
    with pytest.raises(Unrenderable, match=r"longer than|rounds"):
        render(source, data)


def test_a_text_in_the_data_is_no_template():
    assert render("{{ name }}", {"name": "{{ secret }}{% debug %}"}) == "{{ secret }}{% debug %}"
