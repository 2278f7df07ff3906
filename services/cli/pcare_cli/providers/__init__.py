"""`pcare providers`: who may send what, and by which credentials they prove who they are."""
