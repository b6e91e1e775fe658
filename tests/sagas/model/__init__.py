"""The model: random tables and hostile runs, played by the plan and judged by a second, naive statement of the rules.

tables   random definitions
engine   does with the plan's moves over rows in memory what the engine does over the record
player   acts as the world does, at random, and compares after every act
oracle   says from the complete history what must happen; written from the contract, not from the plan
mutants  plausible mistakes, each of which must be found
"""
