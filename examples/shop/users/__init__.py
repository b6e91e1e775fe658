"""The participant `users`: who may buy. It only answers questions."""
