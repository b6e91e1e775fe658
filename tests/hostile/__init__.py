"""Hostile input: whatever comes in, nothing breaks, nothing is lost, and the next normal saga completes."""
