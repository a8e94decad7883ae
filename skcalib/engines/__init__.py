"""Rows in blocks on an engine that runs already: dask and Ray read them, sums come back."""

from skcalib.engines._dask import fit_dask, measure_dask, predict_proba_dask
from skcalib.engines._ray import fit_ray, measure_ray, predict_proba_ray

__all__ = [
    "fit_dask",
    "fit_ray",
    "measure_dask",
    "measure_ray",
    "predict_proba_dask",
    "predict_proba_ray",
]
