"""The notification service: says something to a person, through a channel, once it has been asked to."""
