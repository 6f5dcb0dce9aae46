"""One module per server: how its folder is prepared the first time, and how it is started."""
