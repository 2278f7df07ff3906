#!/bin/sh
# Sends one event with an API key and prints what came of it.
#   INGEST=https://ingest.example PCARE_API_KEY=pcare_... sh curl.sh
set -eu
INGEST=${INGEST:-http://127.0.0.1:8080}
SOURCE=https://fhir.nhs.uk/Id/ods-organization-code/RKE
ID=$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)

# The id is chosen once. curl sends again after a timeout, 408, 429, 500, 502, 503 and 504: with the same id, so it is safe.
ANSWER=$(curl --silent --show-error --max-time 30 --retry 5 --retry-connrefused --fail-with-body \
  -H "Authorization: Bearer $PCARE_API_KEY" \
  -H 'Content-Type: application/cloudevents+json' \
  --data-binary "{
    \"specversion\": \"1.0\",
    \"id\": \"$ID\",
    \"source\": \"$SOURCE\",
    \"type\": \"uk.nhs.ncl.personalised-care.care-plan-agreed.v1\",
    \"subject\": \"nhs-number:9990000018\",
    \"time\": \"2024-04-19T10:30:00+01:00\",
    \"data\": {\"borough\": \"E09000019\", \"plan_ref\": \"PCSP-0c41\", \"plan_kind\": \"long_term_condition\"}
  }" "$INGEST/events") || { echo "$ANSWER"; exit 1; }
echo "$ANSWER"

# The receipt: what became of it. `accepted` at first, `recorded` a moment later.
RECEIPT=$(printf '%s' "$ANSWER" | sed -n 's/.*"receipt":"\([^"]*\)".*/\1/p')
[ -z "$RECEIPT" ] || curl --silent --show-error -H "Authorization: Bearer $PCARE_API_KEY" "$INGEST$RECEIPT"
