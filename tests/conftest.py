"""Settings of hypothesis: the same examples everywhere, more of them on demand.

``pytest --hypothesis-profile=thorough`` draws 1,000 fresh examples for each law.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", settings.get_profile("default"), derandomize=False, max_examples=1000
)
settings.load_profile("default")
