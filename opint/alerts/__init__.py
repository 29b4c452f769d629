"""From verdicts to incidents: what is raised, what goes on, what has ended.

``episodes`` and ``decide`` are pure; ``engine`` reads what they need and writes what they decide.
"""
