"""Draws at a chosen rate and temperature, or centred on the plain network's answer."""

import numpy as np

from skcalib._targets import columns_among
from skcalib._warnings import warn
from skcalib.uncertainty._held_out import HeldOut, members_by_folds
from skcalib.uncertainty._tuning import Scale, choose, scaled

WITHOUT = {
    "plain": "unchanged",
    "plain, temperature": "with one temperature (TemperatureCalibratedClassifier)",
}


class ScaledMixin:
    """What ``rate="auto"`` and `centered` do in a classifier by dropout."""

    def _choose_scale(self, X, y, labels, estimator, fit_params):
        """Learn rate and temperature from held-out rows, and tell whether it was worth it."""
        classes, codes = labels
        if strange := set(classes.tolist()) - set(self.classes_.tolist()):
            raise ValueError(
                f"y holds the classes {sorted(strange)}, which the network does not know."
            )
        codes = columns_among(self.classes_, classes)[codes]
        members = [(self.estimator_, np.arange(len(codes)))]
        if estimator is not None:
            members = members_by_folds(estimator, X, y, codes, self.cv, fit_params)
        rows = HeldOut(self, X, codes, members)
        self.scale_, self.comparison_ = choose(
            rows.log_draws, rows.codes, centered=self.centered, seed=self.seed_
        )
        losses = {name: found["log_loss"] for name, found in self.comparison_.items()}
        dropout = losses.pop("dropout")
        best = min(losses, key=losses.get)
        if losses[best] <= dropout:
            warn(
                f"The plain network {WITHOUT[best]} is at least as good as dropout: log loss "
                f"{losses[best]:.4f} against {dropout:.4f} on {len(rows.codes)} held-out rows, "
                "and simpler and cheaper. comparison_ has the figures.",
                UserWarning,
            )

    def _finish(self):
        if not (self._is_auto() or self.centered):
            return super()._finish()
        if self._is_auto() and not hasattr(self, "scale_"):
            raise ValueError(
                "rate='auto' is chosen by fit, which was called with another rate (or failed). "
                "Call fit again, or give a number."
            )
        scale = self.scale_ if self._is_auto() else Scale(self.rate, 1.0)
        free = scale.spread is None
        return lambda draws, plain: scaled(draws, None if free else plain(), scale)

    def _is_auto(self):
        return isinstance(self.rate, str)
