// Sends one event with an API key and prints what came of it. Node 18 or newer; nothing to install.
//   INGEST=https://ingest.example PCARE_API_KEY=pcare_... node example.mjs
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const ingest = process.env.INGEST ?? "http://127.0.0.1:8080";
const authorization = `Bearer ${process.env.PCARE_API_KEY}`;
const again = new Set([408, 429, 500, 502, 503, 504]);

const event = {
  specversion: "1.0",
  id: randomUUID(), // chosen once: it is what makes sending again safe
  source: "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
  type: "uk.nhs.ncl.personalised-care.care-plan-agreed.v1",
  subject: "nhs-number:9990000018",
  time: "2024-04-19T10:30:00+01:00",
  data: { borough: "E09000019", plan_ref: "PCSP-0c41", plan_kind: "long_term_condition" },
};

// Sends the event until there is an answer that sending again would not change.
async function send(attempts = 6) {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    let wait = 2 ** attempt;
    try {
      const answer = await fetch(`${ingest}/events`, {
        method: "POST",
        headers: { authorization, "content-type": "application/cloudevents+json" },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(30_000),
      });
      if (!again.has(answer.status)) return answer;
      wait = Number(answer.headers.get("retry-after")) || wait;
    } catch {
      // no answer: it may have arrived, so the same event goes again
    }
    await sleep(wait * 1000);
  }
  throw new Error("not known whether it is stored: send it again later, with the same id");
}

const answer = await send();
console.log(answer.status, await answer.text());
const receipt = answer.headers.get("location");
if (receipt) console.log(await (await fetch(ingest + receipt, { headers: { authorization } })).text());
if (!answer.ok) process.exitCode = 1;
