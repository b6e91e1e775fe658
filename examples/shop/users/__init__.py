"""The participant `users`: who may buy, and who would like to."""
