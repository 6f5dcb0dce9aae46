"""Declared streams: what a file in `streams/` may say, and everything that follows from it.

units, expressions   how durations, sizes, aggregates and templates are written
declaration          the models; loading: a folder of YAML files into them, errors with file and line
verdict              whether one event is accepted, in plain Python (Spark's twin is streaming/validate.py)
topics, tables       what follows for Kafka, and for MySQL
plan                 which queries Spark runs, and how many task slots they need
changes              which change of a declaration is safe
recompute            windows from records, in plain Python, to check Spark's against
"""
