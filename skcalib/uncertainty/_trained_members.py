"""What ensembles of trained members share: training what is missing, routing, warm starts."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skcalib.messages import warn
from skcalib.networks import WrappingMixin
from skcalib.uncertainty._member_training import make_indexable, train_members


class TrainedMembersMixin(WrappingMixin):
    """Ensembles with `estimator`, `n_members`, `warm_start` and `random_state`."""

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        router = MetadataRouter(owner=self)
        if self._trains_nothing():
            return router
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return router.add(estimator=self._get_estimator(), method_mapping=mapping)

    def _trains_nothing(self):
        return False

    def _train(self, estimator, X, y, codes, numbers, params):
        """Train what is missing; whatever happens, what is trained is kept."""
        if self.bootstrap:
            X, y = make_indexable(X, y)
        found = train_members(self, estimator, X, y, codes, numbers, params)
        for number, member in found:
            self._trained[number] = member
            self.members_ = [self._trained[key] for key in sorted(self._trained)]

    def _missing_members(self, classes=None):
        """Return the numbers of the members to train; forget the others unless warm."""
        if self.warm_start and hasattr(self, "members_"):
            if classes is not None and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    "warm_start=True keeps members that know the classes "
                    f"{self.classes_.tolist()}, but y has {classes.tolist()}."
                )
            if self.n_members < len(self.members_):
                raise ValueError(
                    f"n_members={self.n_members} must be at least {len(self.members_)}, the "
                    "number of members that are trained, if warm_start=True."
                )
            missing = [k for k in range(self.n_members) if k not in self._trained]
            if not missing:
                warn(
                    f"All {self.n_members} members are trained, and warm_start=True keeps "
                    "them: nothing was done. Give a larger n_members, or warm_start=False.",
                    UserWarning,
                )
            return missing
        vars(self).pop("members_", None)
        self._trained = {}
        if classes is not None:
            self.classes_ = classes
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        return list(range(self.n_members))
