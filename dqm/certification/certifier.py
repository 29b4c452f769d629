"""The certification model as one of those who judge a lumisection when it is closed."""

from dataclasses import dataclass

from dqm.certification.attribution import shares
from dqm.certification.model import CertificationModel
from dqm.combination import Opinion
from dqm.features import PileupScale
from dqm.scored import SubsystemScores
from streams.records import Conditions


@dataclass(frozen=True, slots=True, eq=False)
class ModelCertifier:
    """Gives the opinion of ``model`` on the largest errors that scoring kept."""

    model: CertificationModel
    pileup: PileupScale

    def opinion(self, part: SubsystemScores, conditions: Conditions) -> Opinion | None:
        """How unlikely the part is among good lumisections, and which MEs (in its catalogue) speak against it."""
        kept = (len(self.model.ensemble.members), self.model.ensemble.kept)
        # What another model kept of a lumisection says nothing to this one.
        if part.largest is None or part.largest.errors.shape != kept:
            return None
        found = self.model.certified(part.largest, self.pileup.standardised(conditions), conditions.recorded_lumi)
        return None if found is None else Opinion(found.p_value, shares(part.largest, len(part.catalogue)), found)
