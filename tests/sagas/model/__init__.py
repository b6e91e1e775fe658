"""The model: random tables and hostile runs, played by the plan and judged by a second, naive statement of the rules.

tables   random definitions
player   plays one run through `plan`, `verdict` and `outcome` over rows in memory, as the engine does over the record
oracle   says from the complete history what must happen; written from the contract, not from the plan
"""
