"""What verbs answer."""

from typing import Literal

from pydantic import Field, RootModel

from gateway.answers import Answer
from sagas.api.answers.sagas import SagaDocument
from sagas.words.lifecycle import SagaState


class PreviewDocument(Answer):
    """What a verb would do."""

    verb: str
    dry_run: Literal[True]
    state: SagaState = Field(description="The state in which the saga would be then.")
    sentences: list[str]


class VerbDocument(RootModel[SagaDocument | PreviewDocument]):
    """The saga as the verb left it, or what the verb would do."""
