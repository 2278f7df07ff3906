"""`pcare audit watch`: looks, again and again, at what no service can know alone, and shows it to Prometheus."""
