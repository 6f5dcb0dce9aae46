"""The tests on other Pythons and under other conditions than the developer's: `make test-pythons`, `test-elsewhere`."""
