"""How well the popularity of datasets is forecast."""
