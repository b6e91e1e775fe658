"""The judge. It imports nothing of the engine, and reads tables and ledgers with plain SQL of its own."""
