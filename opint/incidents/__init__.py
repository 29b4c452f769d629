"""From verdicts to incidents: which open, which go on, and which have ended.

``rule`` and ``reconcile`` are pure; ``update`` reads what they need and writes what they decide.
"""
