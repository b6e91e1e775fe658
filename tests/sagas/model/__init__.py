"""The model: random tables and hostile runs, played by the plan and judged by a second, naive statement of the rules.

tables       random definitions of all kinds of rows
player       acts as the world does, at random, and compares after every act; `outcomes` says what attempts come to
oracle       says from the complete history what must happen; written from the contract, not from the plan
story        the oracle's view of one row
engine       does with the plan's moves over rows in memory what the engine does over the record: `memory` holds the
             rows, `way_back` and `onward` move them
invariants   what must be so at the end, whatever the way there was
what_was_in  how much of each interesting thing there must be
mutants      plausible mistakes, each of which must be found
twin         the engine in memory beside the real one, act by act
"""
