"""Real services and real processes for the tests, which own them and may therefore kill them."""
