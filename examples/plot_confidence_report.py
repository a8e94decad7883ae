"""
Why is my network always so sure, and what do I do?
===================================================

A metric says that something is wrong with a network's probabilities. The confidence report says
what, how surely, and which line of code mends it. Here it reads a network that has memorised
a hundred digits, and one that was trained as one should.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skcalib import CalibratedClassifierCV, confidence_report
from skcalib.displays import ReliabilityDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, train_size=900, random_state=0)

# %%
# A bad network
# -------------
# It has seen a hundred digits, three hundred times.

few, y_few = X_train[:100], y_train[:100]
network = MLPClassifier((64,), learning_rate_init=0.01, random_state=0)
for _ in range(300):
    network.partial_fit(few, y_few, classes=range(10))

report = confidence_report(network, X_test, y_test, X_train=few, y_train=y_few)
print(report)

# %%
# A notebook shows it with pictures, and ``to_html`` writes them into one file, to be sent to
# somebody who has neither Python nor a network.

report.to_html("confidence_report.html")
report

# %%
# Each finding is a named tuple, too: ``code``, ``severity``, the number with its interval,
# details, and the cure.

for finding in report.findings:
    print(f"{finding.code:17} {finding.severity:6} {finding.measure.value:7.3f}")

# %%
# What mends it
# -------------
# Without training again: the line that the report gives, with rows that the network has not
# seen. Half of the test rows calibrate, and the other half say what was gained.

X, X_new, y, y_new = train_test_split(X_test, y_test, train_size=0.5, random_state=0)
estimator = network
calibrated = CalibratedClassifierCV(FrozenEstimator(estimator), method="auto").fit(X, y)
before = confidence_report(network, X_new, y_new)
mended = confidence_report(calibrated, X_new, y_new)

# %%
# A good network
# --------------
# Better is the next training: all 900 digits, and some weight decay. A healthy model has a
# short and calm report.

good = MLPClassifier((64,), alpha=0.1, max_iter=500, random_state=0).fit(X_train, y_train)
healthy = confidence_report(good, X_test, y_test, X_train=X_train, y_train=y_train)
print(healthy)

# %%
# In a test of your own, ``require`` is the gate. It raises in the words of the report.

healthy.require(log_loss=0.2, no="cause")
try:
    report.require(log_loss=0.2)
except AssertionError as error:
    print(str(error).splitlines()[1])

# %%

models = {"100 digits": network, "calibrated": calibrated, "900 digits": good}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    ReliabilityDisplay.from_estimator(model, X_new, y_new, n_bins=8, ax=ax, name=name)
plt.show()

# %%
# What was learned
# ----------------


def tell(name, one):
    """The three figures to look at first."""
    right, sure, loss = (one.figures[k].value for k in ("accuracy", "confidence", "log_loss"))
    print(f"{name:23} right {right:.1%}, sure {sure:.1%}, log loss {loss:.3f}")


tell("100 digits:", before)
tell("the same, calibrated:", mended)
tell("900, weight decay:", healthy)
