"""
My transfer-learning head always says 0 or 1. What is wrong, and what helps?
============================================================================

The most asked question about networks and confidence. A convolutional body, trained on the
digits 0 to 4, is frozen; a head of one sigmoid learns from sixty images to tell 8 from 9. It
answers mostly 0.000 or 1.000, right or wrong. Four causes are looked for, one after the other,
and the remedy for each is tried.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skcalib import FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.metrics import log_loss, reliability_curve

# %%
# The body, and the head
# ----------------------
# The body is trained on one task, with pixels between 0 and 1. The head is trained on another
# one, and its author forgot to divide the pixels (0 to 16) by 16.

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8, 1)
known = y < 5
keras.utils.set_random_seed(0)
body = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
    ]
)
pretraining = keras.Sequential([body, layers.Dense(5, activation="softmax")])
pretraining.compile("adam", "sparse_categorical_crossentropy")
pretraining.fit(X[known] / 16, y[known], epochs=20, verbose=0)
body.trainable = False

task = np.isin(y, [8, 9])
X, is_nine = X[task], (y[task] == 9).astype(int)
X_train, X, y_train, y = train_test_split(X, is_nine, train_size=60, random_state=0)
X_calib, X_test, y_calib, y_test = train_test_split(X, y, train_size=100, random_state=0)


def new_head(scale):
    """A head of one sigmoid on the frozen body."""
    keras.utils.set_random_seed(0)
    head = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(scale),
            body,
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    head.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
    return head


def ask(network, X):
    """P(nine), with dropout off, as the network says it."""
    return FrozenNetwork(network).fit(X_calib, y_calib).predict_proba(X)[:, 1]


head = new_head(scale=1)
head.fit(X_train, y_train, epochs=150, verbose=0)
print("Its first eight answers:", " ".join(f"{p:.4f}" for p in ask(head, X_test[:8])))


# %%
# Cause 1: was it asked about rows that it was trained on?
# --------------------------------------------------------
# Being sure of the training rows is what training is for. Only rows that it has not seen tell.


def look(name, proba, y):
    sure = np.maximum(proba, 1 - proba)
    figures = (np.mean((proba > 0.5) == y), sure.mean(), np.mean(sure > 0.999))
    print(f"{name:34}{figures[0]:8.1%}{figures[1]:11.1%}{figures[2]:15.1%}", end="")
    print(f"{log_loss(y, proba):11.3f}")
    return figures


print(f"{'':34}   right       sure    above 99.9 %   log loss")
look("rows of its training", ask(head, X_train), y_train)
raw = ask(head, X_test)
before = look("held-out rows", raw, y_test)

# %%
# Cause 2: are the inputs what the body was trained on?
# -----------------------------------------------------
# Sixteen times too large pixels make features, and so logits, many times too large. Compare
# the two where a sigmoid has not flattened them yet.

scaled = new_head(scale=1 / 16)
for name, pixels in (("pixels from 0 to 16", X_calib), ("divided by 16", X_calib / 16)):
    features = body(pixels).numpy()
    print(f"{name:22} median of the active features {np.median(features[features > 0]):6.2f}")

# %%
# Cause 3: was it trained for too long?
# -------------------------------------
# Once every training row is right, the loss falls only by making the logits larger. This is
# the head with the right inputs:

print(f"{'':34}   right       sure    above 99.9 %   log loss")
trained = 0
for epochs in (25, 100, 400):
    scaled.fit(X_train, y_train, epochs=epochs, initial_epoch=trained, verbose=0)
    trained = epochs
    long = look(f"held-out rows, {epochs} epochs", ask(scaled, X_test), y_test)

# %%
# Cause 4: is the last layer of the right kind?
# ---------------------------------------------
# A softmax over a single output says 1 whatever the weights are. (Two classes: one output with
# a sigmoid, or two with a softmax.) No calibration mends that: nothing is left to learn from.

print("A softmax over one output:", softmax([[-3.0], [0.0], [5.0]], axis=1).ravel())

# %%
# The repair
# ----------
# Even the head that was trained wrongly can be repaired without training: one temperature,
# learned from a hundred rows that it has not seen. That mends how sure it is, not what it
# gets wrong. Mended inputs do more. A temperature behind these has little left to mend, and
# that little may be less than what learning it from a hundred rows costs: measure both.

calibrated = TemperatureCalibratedClassifier(head).fit(X_calib, y_calib)
repaired = calibrated.predict_proba(X_test)[:, 1]
after = look("as it was, with a temperature", repaired, y_test)
mended = TemperatureCalibratedClassifier(scaled).fit(X_calib, y_calib)
best = mended.predict_proba(X_test)[:, 1]
look("divided by 16, with a temperature", best, y_test)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for proba, name, color in ((raw, "as it was", "#d1495b"), (repaired, "calibrated", "#00798c")):
    axes[0].hist(proba, np.linspace(0, 1, 21), alpha=0.6, color=color, label=name)
    curve = reliability_curve(y_test, proba, n_bins=5)
    axes[1].plot(curve.mean_proba, curve.frequency, "o-", color=color, label=name)
axes[0].set(xlabel="P(nine)", ylabel="images", title="What it says")
axes[1].plot([0, 1], [0, 1], color="0.7", lw=1)
axes[1].set(xlabel="P(nine)", ylabel="share of nines", title="What is true")
axes[0].legend(frameon=False)
plt.show()

# %%
# What was learned
# ----------------

temperature = calibrated.calibrated_classifiers_[0].calibrators[0].temperature_
without = log_loss(y_test, ask(scaled, X_test))
change = log_loss(y_test, best) - without
print(
    f"As it was, it was {before[1]:.1%} sure and right in {before[0]:.1%} of {len(y_test)} "
    f"images; {before[2]:.0%} of its answers were above 99.9 %.\n"
    f"Its logits were {temperature:.1f} times too large. Divided by that, it is {after[1]:.1%} "
    f"sure, decides the same, and its log loss is {log_loss(y_test, repaired):.3f} instead of "
    f"{log_loss(y_test, raw):.3f}.\n"
    f"With mended inputs it is right in {long[0]:.1%} and {long[1]:.1%} sure, and its log loss "
    f"is {without:.3f}. A temperature learned from 100 rows "
    f"{'raises' if change > 0 else 'lowers'} that by {abs(change):.3f}.\n"
    f"So look at the inputs first: calibration repairs confidence, not mistakes."
)
