"""The shop's charge alone, with a timeout of many minutes and nobody to ask: a dead worker must be missed by itself."""

from datetime import timedelta

from examples.shop.sagas import OrderInput, charge, refund
from sagas import saga, step

payment = saga("payment", step(charge, compensation=refund, timeout=timedelta(minutes=10)), input=OrderInput)
