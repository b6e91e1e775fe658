"""An app with a saga whose whole way is looked at in its trace."""
