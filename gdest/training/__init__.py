"""Train and measure the network."""
