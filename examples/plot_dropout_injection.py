"""
Is dropout worth adding to a network that was trained without it?
==================================================================

The usual recipe of forums, measured: a scikit-learn perceptron learns four data sets; rate and
temperature of injected dropout are chosen on held-out rows, and compared there with the
plain network and with one temperature for it.
"""

# sphinx_gallery_thumbnail_path = "mc_dropout.png"

import warnings

from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier

DATA = {
    "digits": load_digits(return_X_y=True),
    "36 features, 6 noisy classes": make_classification(
        n_samples=3000,
        n_features=36,
        n_informative=12,
        n_redundant=20,
        n_classes=6,
        flip_y=0.1,
        class_sep=1.5,
        random_state=0,
    ),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "wine": load_wine(return_X_y=True),
}


def main():
    gains = []
    for name, (X, y) in DATA.items():
        X_train, X, y_train, y = train_test_split(
            X, y, train_size=0.45, stratify=y, random_state=0
        )
        mlp = MLPClassifier((100,), max_iter=2000, learning_rate_init=0.003, random_state=0)
        trained = make_pipeline(StandardScaler(), mlp).fit(X_train, y_train)
        mc = MCDropoutClassifier(FrozenEstimator(trained), rate="auto", random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mc.fit(X, y)  # rows that the network has not seen
        print(f"\n{name}: rate {mc.scale_.rate}, temperature {mc.scale_.temperature:.2f}")
        print(f"{'':20}{'log loss':>10}{'calib. error':>14}{'AUROC of errors':>17}")
        for row, figures in mc.comparison_.items():
            loss, error, area = figures.values()
            print(f"{row:20}{loss:10.3f}{error:14.3f}{area:17.3f}")
        for warning in caught:
            print("it warns:", str(warning.message).split(":")[0])
        losses = [figures["log_loss"] for figures in mc.comparison_.values()]
        gains.append((losses[0] - losses[1], losses[1] - losses[2]))
    tempered, injected = zip(*gains, strict=True)
    print(
        f"\nWhat was learned: on {len(gains)} data sets one temperature lowered the log loss "
        f"by {min(tempered):.3f} to {max(tempered):.3f};\nputting dropout in, too, "
        f"changed that by {-max(injected):+.3f} to {-min(injected):+.3f}."
    )


if __name__ == "__main__":
    main()
