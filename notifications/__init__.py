"""The notification service: says something to a person, through a channel, once it has been asked to.

A row first, a message to a worker after its commit, a sweep behind both. Read it in the order in which it runs: `api`
takes the request, `operations` keeps it, `dispatch` rings; `delivery` is the loop: `record` claims by what `plan` and
`route` decide, one of `channels` sends, `record` writes down what came of it, `verdict` says what that means. `sweep`
finds what nobody was told about, `news` takes what providers say later, `callbacks` tells whoever asked.
"""
