"""Documents made to do harm: one module a family, each with its CASES."""
