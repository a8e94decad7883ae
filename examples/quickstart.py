"""How sure is this classifier, really? Handwritten digits, before and after calibration.

The classifier (Gaussian naive Bayes) is known for saying 0 or 1. On real digits it is over
90 % sure of nearly all, and wrong about one in seven of those. Two lines repair that.
"""

from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)


def report(name, model):
    proba = model.predict_proba(X_test)
    correct = model.predict(X_test) == y_test
    confidence = proba.max(axis=1)
    sure = confidence > 0.9
    print(
        f"{name:<27}{correct.mean():>8.1%}{confidence.mean():>12.1%}"
        f"{sure.mean():>13.1%}{correct[sure].mean():>15.1%}{log_loss(y_test, proba):>10.3f}"
    )


print(f"{'':<27}accuracy  confidence  'over 90 %'  of these right  log loss")

naive = GaussianNB().fit(X_train, y_train)
report("uncalibrated", naive)

# Any classifier: trained on folds, calibrated on what each fold held out.
calibrated = CalibratedClassifierCV(GaussianNB(), method="temperature").fit(X_train, y_train)
report("temperature", calibrated)
report("sigmoid", CalibratedClassifierCV(GaussianNB()).fit(X_train, y_train))
isotonic = CalibratedClassifierCV(GaussianNB(), method="isotonic").fit(X_train, y_train)
report("isotonic", isotonic)

# A model that is trained already: calibrate it on rows that it has not seen.
X_fit, X_calib, y_fit, y_calib = train_test_split(
    X_train, y_train, test_size=0.3, random_state=0, stratify=y_train
)
trained = GaussianNB().fit(X_fit, y_fit)
model = TemperatureCalibratedClassifier(FrozenEstimator(trained)).fit(X_calib, y_calib)
report("temperature, trained model", model)
temperature = model.calibrated_classifiers_[0].calibrators[0].temperature_
print(f"\nIts temperature is {temperature:.1f}: the logits were that many times too large.")
