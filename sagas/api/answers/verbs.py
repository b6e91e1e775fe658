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


class DecidedDocument(Answer):
    """What a person decided who may decide it, and look at nothing else."""

    saga: str
    step: str
    approved: bool
    state: SagaState = Field(description="The saga's state just after it.")


class VerbDocument(RootModel[SagaDocument | PreviewDocument]):
    """The saga as the verb left it, or what the verb would do."""


class DecisionDocument(RootModel[SagaDocument | PreviewDocument | DecidedDocument]):
    """The saga as the decision left it, what it would do, or that it is recorded."""
