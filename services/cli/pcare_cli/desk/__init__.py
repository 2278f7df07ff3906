"""The rejection desk: what was rejected, for whom it concerns; mending it; and sending it in again."""
