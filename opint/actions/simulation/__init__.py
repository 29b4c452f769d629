"""An emulated history of failing workflows, what operators did about them and how it ended; see docs/actions.md.

Real histories are not public. The causes are hidden from whoever learns, and known to whoever measures.
"""
