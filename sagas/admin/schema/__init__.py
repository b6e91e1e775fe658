"""Forms made from JSON Schemas: what a value has for fields, and the value that a person made of them.

A field is named by the form and a JSON pointer: `input/lines/0/sku`. Beside it a form has `input/lines#items` (the
numbers of a list's items, which they keep while others come and go), `#add`, `#drop`, `#there` (whether an object that
may be absent is there) and `#is` (this one is a box of JSON). Each form shows a value, also a faulty one, and reading
it gives a value again: what nobody touched is as it was to the letter, and what cannot be read as its kind stays text,
so that the model says what is wrong with it.
"""

from sagas.admin.schema.box import JSON
from sagas.admin.schema.field import SchemaField

__all__ = ["JSON", "SchemaField"]
