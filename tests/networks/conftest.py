"""Every test begins with the same seeds, and leaves no session of Keras behind."""

import pytest


@pytest.fixture(autouse=True)
def same_start():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()
