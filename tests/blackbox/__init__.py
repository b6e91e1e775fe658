"""The coordinator as its callers see it: random lives of sagas over REST, held against what is promised."""
