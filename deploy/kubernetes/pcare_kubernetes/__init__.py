"""What of the Kubernetes resources is made from other declarations, and what checks all of them."""
