"""Hypothesis for every test: the same examples on every machine, and no time limit, for a busy machine is no
fault."""

from hypothesis import settings

settings.register_profile("vleval", deadline=None, derandomize=True)
settings.load_profile("vleval")
