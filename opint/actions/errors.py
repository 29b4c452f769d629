"""What a user can cause or mend about suggested actions."""

from conf.errors import NightshiftError


class ActionsError(NightshiftError):
    """Decided cases or a trained model cannot be used; the message names the file and what is wrong with it."""
