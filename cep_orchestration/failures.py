"""The failures that are told to people: one sentence that says what was tried, on what, and what to do."""


class CepError(Exception):
    """A failure with a sentence for a person; shown without a traceback."""


class SettingError(CepError):
    """The environment says something that cannot work: a person has to change it; trying again is no use."""


class TransientError(CepError):
    """Trying again later may help."""
