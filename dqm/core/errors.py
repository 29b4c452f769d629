"""What a user can cause, meet or mend when models are trained."""

from conf.errors import NightshiftError


class TrainingError(NightshiftError):
    """The data do not suffice to train a bundle, or contradict themselves."""
