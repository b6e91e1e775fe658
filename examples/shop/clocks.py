"""How long the shop waits for people, banks and mail: days, or seconds with SHOP_CLOCKS=short, as in the demo."""

import os
from datetime import timedelta

SHORT = os.environ.get("SHOP_CLOCKS") == "short"

APPROVED_WITHIN = timedelta(minutes=1) if SHORT else timedelta(days=2)
SETTLED_WITHIN = timedelta(minutes=1) if SHORT else timedelta(days=3)
ORDERED_WITHIN = timedelta(minutes=5) if SHORT else timedelta(days=7)
CONFIRMED_WITHIN = timedelta(seconds=20) if SHORT else timedelta(days=3)
REMIND_EVERY = timedelta(seconds=20) if SHORT else timedelta(hours=12)
