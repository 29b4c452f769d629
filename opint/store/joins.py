"""Conditions under which rows of two tables belong together."""

from sqlalchemy import and_

from opint.store.tables import ls_score, lumisection

BY_CURRENT = and_(
    lumisection.c.dataset == ls_score.c.dataset,
    lumisection.c.run == ls_score.c.run,
    lumisection.c.ls == ls_score.c.ls,
    lumisection.c.model_version == ls_score.c.model_version,
)
"""Scores of a lumisection by the model that judges it, and not by one in shadow or before."""
