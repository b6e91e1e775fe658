"""An app of a team's own, installed by `APPS`: sagas that come in crowds, and others that would not wait for them."""
