"""
How many weights does a network need?
=====================================

Bayes by Backprop learns a mean and a spread for each weight. Where the spread is large beside
the mean, the rows have said little about the weight, and it can be left out. Here a network
learns half of the digits; then more and more of its weights become 0, those with the most noise
for their size first. Beside it: the same weights, left out by chance, and a network that was
trained without spreads, which loses its smallest weights.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skcalib.uncertainty import BayesByBackpropClassifier

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, train_size=0.5, stratify=y, random_state=0)

# %%
# The network has one hidden layer of 128 units. As in the paper (arXiv:1505.05424), the prior
# is a mixture of a wide Gaussian and a narrow one, where weights end that are not needed, and
# the divergence from it counts in full. For probabilities ``kl_weight="held_out"`` tries less.

bayes = BayesByBackpropClassifier(
    (128,), prior="mixture", kl_weight=1.0, max_iter=60, random_state=0
)
bayes.fit(X, y)

# %%
# And without spreads, by Keras alone.

keras.utils.set_random_seed(0)
plain = keras.Sequential(
    [keras.Input((64,)), keras.layers.Dense(128, "relu"), keras.layers.Dense(10)]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
plain.compile(keras.optimizers.Adam(0.002), loss)
plain.fit(X, y, epochs=60, batch_size=64, verbose=0)

# %%
# ``prune`` returns a copy without a share of the weights; their means answer in one pass. The
# other two are pruned by hand.


def score_without(weights, order, share):
    """Return the accuracy when a share of all weights is 0, the first ones in this order."""
    kept = np.ones(len(order), bool)
    kept[order[: int(share * len(order))]] = False
    masks = np.split(kept, np.cumsum([part.size for part in weights])[:-1])
    kernel, bias, last_kernel, last_bias = (
        part * mask.reshape(part.shape) for part, mask in zip(weights, masks, strict=True)
    )
    logits = np.maximum(X_test @ kernel + bias, 0) @ last_kernel + last_bias
    return (logits.argmax(axis=1) == y_test).mean()


means = [mean for mean, _ in bayes.posteriors_]
chance = np.random.default_rng(0).permutation(sum(mean.size for mean in means))
trained = plain.get_weights()
by_size = np.argsort(np.abs(np.concatenate([part.ravel() for part in trained])))

shares = [0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98]
pruned = [bayes.prune(share).set_params(mean_mode=True) for share in shares]
found = {
    "most noise for their size": [network.score(X_test, y_test) for network in pruned],
    "no spreads: the smallest": [score_without(trained, by_size, share) for share in shares],
    "by chance": [score_without(means, chance, share) for share in shares],
}

# %%
# Accuracy on the test rows, over the share of weights that are left out.

figure, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
for (about, scores), color in zip(found.items(), ("#00798c", "#d1495b", "0.6"), strict=True):
    ax.plot(shares, scores, "o-", ms=4, color=color, label=about)
ax.set(xlabel="share of weights left out", ylabel="accuracy on test rows", ylim=(0, 1.02))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, title="first to go:", loc="lower left")
plt.show()

# %%
# What was learned, in figures.

print(f"{'left out':>8}" + "".join(f"{about:>28}" for about in found))
for number, share in enumerate(shares):
    print(f"{share:8.0%}" + "".join(f"{scores[number]:28.3f}" for scores in found.values()))
lasting = [
    max(share for share, score in zip(shares, scores, strict=True) if score > scores[0] - 0.01)
    for scores in found.values()
]
print(
    f"\nOf {len(chance):,} weights, {lasting[0]:.0%} can be left out for less than a point of "
    f"accuracy;\nwithout spreads it is {lasting[1]:.0%}. The figures differ from seed to seed."
)
