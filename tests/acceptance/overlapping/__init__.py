"""An app of a team's own, installed by `APPS`: sagas whose rows run side by side."""
