"""What classifiers and regressors by dropout have in common: parameters, and draws of these."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import Bunch, _safe_indexing, check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import INJECTED_RATE, batches, map_arrays
from skcalib.inputs import count_rows, is_dict_of_arrays, refuse_streams
from skcalib.messages import show_progress, warn
from skcalib.networks import WrappingMixin, list_inputs
from skcalib.sampling import (
    N_POINTS,
    Draws,
    Passes,
    count_multiplications,
    find_source,
    forecast_ratio,
    refuse_beforehand,
    refuse_other_answers,
    refuse_rows_together,
)
from skcalib.uncertainty._dropout_parameters import check_parameters
from skcalib.uncertainty._dropout_scale import scale_draws, scale_of


class DropoutMixin(WrappingMixin):
    """Draws of a network in ``estimator_``, by the parameters of its class.

    These are `n_draws`, `rate`, `masks`, `inject`, `drop_in_bases`, `batch_size`,
    `random_state`, `verbose`, and of classifiers `tol` and `centered`. A subclass has
    ``_get_estimator()``, and may look for other networks.
    """

    _find_source = staticmethod(find_source)
    _wanted = (
        "a Keras model, a torch module, a wrapper of one (scikeras.wrappers.KerasClassifier, "
        "keras.wrappers.SKLearnClassifier, skorch.NeuralNetClassifier), or scikit-learn's "
        "MLPClassifier"
    )

    def forecast_cost(self):
        """Forecast what a prediction costs, in predictions of the plain network.

        Returns
        -------
        cost : sklearn.utils.Bunch
            ``ratio``, the time of one answer divided by that of one plain pass through batches
            of the same size, which is about 1 if dropout comes last; ``loop_ratio``, the
            number of passes of a loop; ``share``, the share of the network's multiplications
            that is repeated for each draw; ``path``, how draws are made: "split" (what comes
            before the first dropout runs once), "vmap" (the same in torch), "whole" (the
            compiled network runs for each draw), "loop" (as it is, pass by pass) or "exact".

        Notes
        -----
        Nothing is timed: multiplications, values written (those of kernels that masks are
        taken into, too) and calls are counted from the shapes of the layers, and weighted as
        measured on one core of a server. On most networks that is right within a
        factor of 2; a card, or few rows, may be further off. ``model.predict`` of Keras takes
        about a tenth of a second longer than a pass, whatever the number of rows.

        With ``n_draws="exact"`` the ratio counts the covariances, and a loop would
        be one of as many passes as there are points. With `tol` it is what rows cost that take
        all `n_draws`.
        """
        check_is_fitted(self)
        check_parameters(self)
        room, shape, batch = self._cost
        levels = len(self._all_levels())
        before, after = room.cost.before, room.cost.work_of_draw(batch)
        share = after / max(1, before + after)
        if self._is_exact():
            work = count_multiplications(shape)
            ratio = 1 + work / max(1, before + after)
            return Bunch(ratio=ratio, loop_ratio=N_POINTS * levels, share=0.0, path="exact")
        n_draws, shared = int(self.n_draws), self.masks == "shared"
        room = room._replace(n_draws=n_draws, n_levels=levels, shared=shared)
        return Bunch(
            ratio=forecast_ratio(room, int(self.batch_size or batch)),
            loop_ratio=n_draws * levels,
            share=share,
            path=room.path,
        )

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self._get_estimator(), method_mapping=mapping
        )

    def _describe_cost(self):
        cost = self.forecast_cost()
        about = "about" if getattr(self, "tol", None) is None else "at most about"
        return (
            f"[MC dropout] {cost.share:.1%} of the network is repeated for each draw: {about} "
            f"{cost.ratio:.1f} times as long as one prediction (a loop: {cost.loop_ratio})."
        )

    def _inspect_network(self, X):
        """Check all that can be checked with a few rows; return what the source knows."""
        few = _few_rows(X)
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        source, inputs = self._source(few)
        classes, self._ending, answer = source.inspect(inputs)
        passes, inputs = self._passes(source, inputs)
        _warn_of_what_is_off(passes.sampler.left_off)
        self.sites_ = [
            Bunch(
                name=site.name, kind=site.kind, rate=site.rate, shape=site.shape, path=site.path
            )
            for site in passes.sampler.sites
        ]
        plain = passes.draw_at_rate(inputs, rate=0.0)[0]
        limit = source.rounding(passes, inputs, plain)
        if not passes.sampler.always_on:  # else there is nothing to compare with
            refuse_other_answers(source, inputs, plain, limit, answer)
        refuse_rows_together(passes, inputs, plain, limit)
        return classes

    def _refuse_beforehand(self, estimator, X, y):
        """Raise before training if what is trained could not be drawn."""
        refuse_beforehand(estimator, X, y, self._describe_wanted(), self._choices("target"))

    def _describe_wanted(self):
        return (
            f"The 'estimator' parameter of {type(self).__name__} must hold a network: "
            f"{self._wanted}. Got {self.estimator!r} instead."
        )

    def _source(self, X):
        X = list_inputs(self.estimator_, X)
        found = self._find_source(self.estimator_, X)
        if found is None:
            raise InvalidParameterError(self._describe_wanted())
        return found

    def _draws(self, X):
        check_parameters(self)
        refuse_streams(X)
        self._check_features(self.estimator_, X, asked=False)
        source, inputs = self._source(X)
        passes, inputs = self._passes(source, inputs)
        parts = list(batches(inputs, int(self.batch_size or passes.room.rows_in_batch(inputs))))
        if self.verbose:
            parts = show_progress(parts, len(parts), "MC dropout", "blocks", self.verbose)
        blocks = ((rows, source.order_columns(draws)) for rows, draws in passes.blocks(parts))
        if isinstance(self.rate, str) or getattr(self, "centered", False):
            blocks = self._scale_blocks(blocks, source, passes, inputs)
        ragged, exact = getattr(self, "tol", None) is not None, self._is_exact()
        return Draws(blocks, levels=self._levels(), ragged=ragged, random=not exact)

    def _scale_blocks(self, blocks, source, passes, inputs):
        """Return blocks as the chosen rate and `centered` of a classifier say."""
        scale = scale_of(self)

        def plain(rows):
            part_of_X = map_arrays(lambda part: part[rows], inputs)
            return source.order_columns(passes.draw_at_rate(part_of_X, 0.0)[0])

        return ((rows, scale_draws(draws, scale, plain, rows)) for rows, draws in blocks)

    def _passes(self, source, inputs):
        """Return Passes of a source, and the inputs as these take them."""
        levels, shared = self._all_levels(), self.masks == "shared"
        inputs, sampler = source.make_sampler(inputs, **self._choices(self._ending))
        shape = getattr(sampler.last_layer, "shape", None)
        n_draws = self.n_draws if self._is_exact() else int(self.n_draws)
        tol = getattr(self, "tol", None)
        passes = Passes(sampler, levels, n_draws, tol, self.seed_, shared, source.name)
        batch = int(self.batch_size or passes.room.rows_in_batch(inputs))
        self._cost = passes.room, shape, batch
        return passes, inputs

    def _choices(self, ending):
        """Return what the sampler is asked for."""
        return {
            "every_site": self._all_levels() != [None],
            "shared": self.masks == "shared",
            "ending": ending,
            "inject": tuple(self.inject) if isinstance(self.inject, list) else self.inject,
            "drop_in_bases": self.drop_in_bases,
        }

    def _is_exact(self):
        return isinstance(self.n_draws, str)

    def _levels(self):
        return None if self.rate is None or np.ndim(self.rate) == 0 else list(self.rate)

    def _all_levels(self):
        if self._levels() is not None:
            return [float(rate) for rate in self._levels()]
        rate = self.rate
        if isinstance(rate, str):  # while it is not chosen, any will do to look at a network
            rate = self.scale_.rate if hasattr(self, "scale_") else INJECTED_RATE
        return [None if rate is None else float(rate)]


def _warn_of_what_is_off(names):
    if names:
        warn(
            f"Dropout inside {', '.join(map(repr, names))} stays off in draws, since its "
            "author calls that model with training=False. Keras has trained it with dropout "
            "on all the same: the argument of the outer call replaces it. Pass "
            "drop_in_bases=True to draw it as it was trained, or False to leave it off.",
            UserWarning,
        )


def _few_rows(X):
    """Return two rows of X at most, of dicts, too."""
    if is_dict_of_arrays(X):
        return map_arrays(_few_rows, X)
    if issparse(X):
        X = X.tocsr()
    elif not (isinstance(X, list) or hasattr(X, "iloc") or hasattr(X, "__dataframe__")):
        X = np.asarray(X)
    return _safe_indexing(X, np.arange(min(2, count_rows(X))))
