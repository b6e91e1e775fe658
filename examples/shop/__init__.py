"""The example domain: an order saga, and the four participants that it talks to over HTTP."""
