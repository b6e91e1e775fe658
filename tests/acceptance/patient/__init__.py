"""An app of a team's own, installed by `APPS`: its saga may wait for its participant for many minutes."""
