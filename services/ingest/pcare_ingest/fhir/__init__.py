"""POST /fhir: UK Core resources of FHIR R4 in, events out. What becomes of what is data: mapping.yaml."""
