"""docs/fhir.md, made from the mapping: `python -m pcare_ingest.fhir.page`."""

import sys
from collections.abc import Iterator

from pcare_ingest.fhir import examples
from pcare_ingest.fhir.events import NAMESPACE
from pcare_ingest.fhir.limits import MAX_BYTES, MAX_ENTRIES, MAX_ITEMS, MAX_REFERENCE, MAX_RESOURCE_BYTES, MAX_VALUES
from pcare_ingest.fhir.mapping import Coding, FieldRule, Mapping, Rule, Words, built_in, payload_fields

_MEBIBYTES = MAX_BYTES // 1024 // 1024
_KIBIBYTES = MAX_RESOURCE_BYTES // 1024
_HEAD = f"""# Send FHIR resources

*For an integrator whose system speaks FHIR. Generated from `mapping.yaml` of ingest by `make generate`; a test
fails when it is stale.*

`POST /fhir` takes FHIR R4 (4.0.1) in JSON, by UK Core's profiles: one resource by itself, or a Bundle. It turns
each into an event of the [catalogue](events.md), and that into the same checks, the same pseudonym and the same
topic as [POST /events](send-events.md). Nothing of a resource is kept but the fields named below.

```sh
curl -i $INGEST/fhir -H 'Content-Type: application/fhir+json' --data-binary @care-plan-agreed.json
```

Examples to send as they are stand on the API page (`/docs`), and in `services/ingest/pcare_ingest/fhir/examples`.
`GET /fhir/metadata` is the CapabilityStatement.

## What is taken

- **A single resource**, to `/fhir` or to `/fhir/<its type>`. Answer: 201 and an OperationOutcome; `Location` is the
  address of the event's receipt.
- **A Bundle of type `transaction`**: everything is checked before anything is sent on. If one entry is refused,
  nothing is recorded, and the answer is one OperationOutcome. A 503 may leave some of it recorded: send all of it
  again.
- **A Bundle of type `batch` or `collection`**: each entry by itself. A collection promises no more than to be a
  set, so it is taken as a batch is, and answered like one.
- At most {MAX_ENTRIES} entries and {_MEBIBYTES} MiB. `POST` and `PUT` mean the same here:
  say it. `DELETE` and conditions on a version are refused. Other types of Bundle (message, document, history) are
  refused.
- A resource has at most {_KIBIBYTES} KiB, as an event has, {MAX_VALUES:,} values, and {MAX_ITEMS} items in any list.
  What is larger is refused as `too-long`.
- A reference and a `fullUrl` have at most {MAX_REFERENCE:,} characters.
- `Content-Encoding: gzip` is taken; the limit is of what it stands for.
- `Prefer: return=minimal` leaves out what is said of what went well.

## What is refused

Whatever is not mapped is refused by name, never dropped: another type of resource, another code, a status in which
nothing has happened yet, and any modifier extension or implicit rule, because these may turn a resource into its
opposite. Each issue of the OperationOutcome has FHIR's code, the same reason code as `/events` gives
(`details.coding`), a text, and in `expression` the place, as a FHIRPath. It never repeats what was sent.

| status | means |
|---|---|
| 200, 201 | recorded: every in-sync replica has it. Of a Bundle, look at each entry |
| 400 | not JSON, no FHIR resource, or no Bundle that is taken |
| 401, 403, 429 | who calls, for whom they may speak, and how fast: as for `/events`; each entry counts |
| 413, 415 | too large; not FHIR JSON |
| 422 | refused, with the issues. Mend it and send it again |
| 500, 503 | not known to be safe: send all of it again |

**Narrative is ignored.** `text`, `note`, `display`, `description`, names, addresses and everything else that the
tables do not name is never read, never stored, and never logged. Elements are still held against R4: one that R4
has not is refused.

## Who and where

- **The person**: an NHS number (`{{nhs-number}}`) in the subject's own `identifier`, or of the Patient that the
  subject refers to: in the same Bundle (by `fullUrl`, `urn:uuid:`, or relative), or contained. It is replaced by
  the pseudonym and goes no further. Two different numbers are refused. A pseudonym is taken too (`{{pseudonym}}`).
- **The organisation that states it** (the event's `source`): `meta.source`, as
  `https://fhir.nhs.uk/Id/ods-organization-code/<ODS code>` or `urn:ncl:provider:<slug>`; else the organisation that
  the resource names, in the order below; else the one that the caller's credential is for. Organisations are read
  from identifiers of `{{ods}}` or `{{provider}}`.
- **Its reference** (`referral_ref`, `plan_ref`, ...): the first identifier that is not `old`, else the `id`. Where
  the identifier's `assigner` names another organisation, that becomes `ref_source`: so a host closes a GP's
  referral. Another resource is named by `identifier` in the Reference, by sending it along, or, failing that, by
  the id in the address. It has 1 to 64 of `A-Z a-z 0-9 . _ : -`, and one that holds an NHS number is refused.
- A mere day counts from its first moment in London. A month or a year is refused as a time.

## Ids, repeats and corrections

An event's id is a UUID (version 5, in the namespace `{NAMESPACE}`) of the type, the identifier with its system
(else the id), and the kind of event. So:

- **A repeat is a duplicate**, also after a timeout, also in another Bundle, also when only narrative changed.
  `versionId` and `lastUpdated` play no part.
- **Another status is another event**: an `active` referral and the same referral `completed` are two.
- **A plan may recur**: of CarePlan the time is part of the id, so a plan agreed again a year later is a new event.
- **What happened is recorded when it happens**: a referral that is only ever sent `completed` records its end alone.
- **A change of what was recorded is a correction**, and an event is not overwritten: the recorder rejects it as
  `id_reused`; so is the same resource with a Patient who has moved, for the borough is that of the day of the event.
  Send the resource with status `entered-in-error`, then the right one under another identifier.
- **`entered-in-error` takes back** every event that the resource can have stated, as far as its times still stand
  in it; one that was never recorded does no harm. Leave the code, the subject and the times as they were."""


def page() -> str:
    """Return the page in Markdown."""
    mapping = built_in()
    head = _HEAD
    for name in ("nhs-number", "pseudonym", "ods", "provider"):
        head = head.replace(f"{{{name}}}", mapping.systems[name])
    return "\n".join([head, *_person(mapping), *_resources(mapping), *_extensions(mapping), *_systems(mapping)])


def _person(mapping: Mapping) -> Iterator[str]:
    yield "## What every event takes from the resource and its Patient\n"
    yield from _fields(mapping, mapping.person, payload_fields("sp-referral"))
    yield "\n## Read for others, recorded never\n"
    yield "They are answered 200 where another entry, of a type named on this page, refers to them; else refused.\n"
    yield "| resource | what is read |\n|---|---|"
    for name, says in mapping.context.items():
        yield f"| {name} | {says} |"
    yield ""


def _resources(mapping: Mapping) -> Iterator[str]:
    for name, read in mapping.resources.items():
        yield f"## {name}\n"
        yield f"Subject: `{read.subject}`. Organisation: `meta.source`, else {_or(read.source)}."
        for element, allowed in read.only.items():
            yield f"`{element}`, if given, is {_any(tuple(str(one).lower() for one in allowed))}."
        for rule in read.rules:
            yield from _rule(mapping, rule)
        yield ""


def _rule(mapping: Mapping, rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.kind}\n"
    yield f"Where {_coding(mapping, rule.code)}, and the status is {_any(rule.status)}. Time: {_or(rule.time)}.\n"
    yield from _fields(mapping, rule.data, payload_fields(rule.kind))
    if rule.kind in examples.load():
        yield f"\nExample: `{rule.kind}.json`."


def _fields(mapping: Mapping, fields: dict[str, FieldRule], needed: dict[str, bool]) -> Iterator[str]:
    yield "| field | needed | from | read as |\n|---|---|---|---|"
    for name, rule in fields.items():
        must = "yes" if needed[name] else ""
        yield f"| `{name}` | {must} | {_or(rule.paths) or 'the resource itself'} | {_reading(mapping, rule)} |"


def _reading(mapping: Mapping, rule: FieldRule) -> str:
    words = _WORDS[rule.read]
    if rule.codings:
        words += " of " + ", or ".join(_system(mapping, name, how) for name, how in rule.codings.items())
    if rule.where is not None:
        words += f", where {_coding(mapping, rule.where)} beside it"
    if rule.otherwise is not None:
        words += "; else the resource's own reference"
    return words


def _system(mapping: Mapping, name: str, how: Words) -> str:
    table = f" ({', '.join(f'{code} is {word}' for code, word in how.items())})" if isinstance(how, dict) else ""
    return f"`{mapping.systems[name]}`{table}"


_WORDS = {
    "value": "it is",
    "values": "all of them",
    "day": "a day in London",
    "present": "whether there is any",
    "code": "the code",
    "codes": "all codes",
    "age-band": "the age band on the day of the event",
    "organisation": "the organisation's code",
    "ref": "the reference of what it leads to",
    "ref-source": "the assigner of that reference",
    "own-ref": "its reference",
    "own-ref-source": "the assigner of its reference",
}


def _coding(mapping: Mapping, coding: Coding) -> str:
    codes = _any(coding.codes) if coding.codes else "any code"
    return f"`{coding.path}` has {codes} of `{mapping.systems[coding.system]}`"


def _extensions(mapping: Mapping) -> Iterator[str]:
    yield "## Extensions\n"
    yield "| name above | url | value | says |\n|---|---|---|---|"
    for name, extension in mapping.extensions.items():
        yield f"| `{name}` | `{extension.url}` | `{extension.value}` | {extension.says.strip()} |"


def _systems(mapping: Mapping) -> Iterator[str]:
    yield "\n## Code systems of our own\n"
    yield "For what neither FHIR nor SNOMED CT has a code. The codes are the words of the event's field.\n"
    yield "| system | codes: those of |\n|---|---|"
    for name, own in mapping.own_systems.items():
        kind, _, field = own["field"].partition(".")
        yield f"| `{mapping.systems[name]}` | `{field}` of [{kind}](events.md#{kind}) |"
    yield ""


def _any(words: tuple[str, ...]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _or(words: tuple[str, ...]) -> str:
    return ", else ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.stdout.write(page())
