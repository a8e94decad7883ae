"""How good calibrators are on real data; run by ``bench_quality.py`` beside this folder."""
