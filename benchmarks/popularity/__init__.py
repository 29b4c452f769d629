"""How well datasets that will be wanted are forecast, and what that is worth."""
