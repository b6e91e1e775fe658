"""The sagas of the soak, as a team's app: `APPS=tests.soak.shapes`."""
