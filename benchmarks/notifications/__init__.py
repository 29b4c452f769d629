"""How quickly and how surely an incident reaches a receiver, beside Alertmanager fed with the same alerts."""
