"""Faults a user can mend; each message is one sentence with the file or flag and the fix. Torch-free."""


class ModelError(Exception):
    """Base of everything in this module."""


class CheckpointError(ModelError):
    """A checkpoint folder, its config, tokenizer or weights cannot be used."""


class MediaError(ModelError):
    """An image or video cannot be read; costs its sample, never the run."""


class SettingsError(ModelError):
    """Vision or generation settings contradict each other; the message names the flag."""
