"""The root of every error that nightshift raises on purpose."""


class NightshiftError(Exception):
    """Something a user can cause, meet or mend; printed as one line, never as a stack trace."""


class SettingsError(NightshiftError):
    """A settings key is unknown, a value is not allowed, or a settings file cannot be read."""
