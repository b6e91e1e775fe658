"""An app of a team's own, installed by `APPS`: a saga that speaks by events only, and a process that dies on time."""
