"""Events of a scenario: people, organisations and references of its own, and the same ids each time it is told."""

from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from pcare_schemas.envelope import type_of

Event = dict[str, Any]

LONDON = ZoneInfo("Europe/London")
BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON = "E09000003", "E09000007", "E09000010", "E09000014", "E09000019"
BOROUGHS = (BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON)
ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"
WHITTINGTON, ROYAL_FREE, UCLH, NORTH_LONDON = (ODS + code for code in ("RKE", "RAL", "RRV", "G6V2S"))


def london(text: str, fold: int = 0) -> datetime:
    """Return the instant of a wall time in London; `fold` 1 is the second of two readings."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).astimezone(UTC)


class Cast:
    """Makes the events of one scenario. Nobody in it appears in another."""

    def __init__(self, scenario: str) -> None:
        self._scenario = scenario
        self._number = count(1)

    def person(self, name: object) -> str:
        """Return the pseudonym of somebody in this scenario."""
        return f"person:k1:{self._digest('person', name)[:32]}"

    def event(
        self,
        kind: str,
        subject: str,
        time: str | datetime,
        data: dict[str, Any],
        *,
        source: str = WHITTINGTON,
        id: str | None = None,  # noqa: A002 - as CloudEvents names it
    ) -> Event:
        """Return an event; a time without an offset is a wall time in London."""
        moment = time if isinstance(time, datetime) else datetime.fromisoformat(time)
        if moment.tzinfo is None:
            moment = london(str(moment))
        return {
            "specversion": "1.0",
            "id": id or self._digest("event", next(self._number))[:32],
            "source": source,
            "type": type_of(kind),
            "subject": subject,
            "time": moment.isoformat(),
            "data": {name: value for name, value in data.items() if value is not None},
        }

    def referral(self, who: object, time: str | datetime, borough: str, ref: str = "r-1", **more: Any) -> Event:
        """Return a social prescribing referral."""
        data = {"borough": borough, "referral_ref": ref, "referrer": "gp", "reasons": ["mental_health"]}
        return self._personal("sp-referral", who, time, data, **more)

    def choice(
        self,
        who: object,
        time: str | datetime,
        borough: str,
        ref: str = "e-1",
        *,
        elective: bool,
        ers: bool,
        chosen: bool,
        **more: Any,
    ) -> Event:
        """Return a referral at which a choice was offered."""
        data: dict[str, Any] = {"borough": borough, "referral_ref": ref, "elective": elective, "via_ers": ers}
        data |= {"providers_offered": 3, "choice_exercised": chosen}
        return self._personal("choice-offered", who, time, data, **more)

    def conversation(
        self, who: object, time: str | datetime, borough: str, situation: str, ref: str = "c-1", **more: Any
    ) -> Event:
        """Return a shared decision making conversation."""
        data = {"borough": borough, "conversation_ref": ref, "situation": situation, "setting": "primary"}
        return self._personal("sdm-conversation", who, time, {**data, "decision": "option_chosen"}, **more)

    def pam(self, who: object, time: str | datetime, borough: str, plan: str | None = None, **more: Any) -> Event:
        """Return a completed patient activation measure."""
        data = {"borough": borough, "score": 50.0, "level": 2, "instrument": "PAM-13", "cut_points": "classic"}
        return self._personal("pam-scored", who, time, {**data, "plan_ref": plan}, **more)

    def agreed(self, who: object, time: str | datetime, borough: str, ref: str = "p-1", **more: Any) -> Event:
        """Return the agreement of a care and support plan."""
        data = {"borough": borough, "plan_ref": ref, "plan_kind": "long_term_condition"}
        return self._personal("care-plan-agreed", who, time, data, **more)

    def reviewed(self, who: object, time: str | datetime, borough: str, ref: str = "p-1", **more: Any) -> Event:
        """Return the review of a plan."""
        return self._personal("care-plan-reviewed", who, time, {"borough": borough, "plan_ref": ref}, **more)

    def ended(self, who: object, time: str | datetime, borough: str, ref: str = "p-1", **more: Any) -> Event:
        """Return the end of a plan."""
        data = {"borough": borough, "plan_ref": ref, "reason": "goals_met"}
        return self._personal("care-plan-ended", who, time, data, **more)

    def budget(self, who: object, time: str | datetime, borough: str, ref: str = "b-1", **more: Any) -> Event:
        """Return the issue of a personal health budget; `starts`, `one_off` and `cohorts` may be told."""
        told = {name: more.pop(name) for name in ("starts", "one_off", "cohorts") if name in more}
        data = {"borough": borough, "budget_ref": ref, "cohorts": ["adult_chc"], "management": ["direct_payment"]}
        return self._personal("phb-issued", who, time, {**data, **told}, **more)

    def budget_ended(self, who: object, time: str | datetime, borough: str, ref: str = "b-1", **more: Any) -> Event:
        """Return the end of a budget."""
        data = {"borough": borough, "budget_ref": ref, "reason": "spent"}
        return self._personal("phb-ended", who, time, data, **more)

    def joined(self, worker: str, time: str | datetime, pcn: str, borough: str | None, **more: Any) -> Event:
        """Return a link worker's new post."""
        data = {"pcn": pcn, "borough": borough, "employer": "RKE", "wte": 1.0}
        return self.event("link-worker-joined", self._worker(worker), time, data, **more)

    def left(self, worker: str, time: str | datetime, pcn: str, borough: str | None = None, **more: Any) -> Event:
        """Return a post that a link worker left."""
        return self.event("link-worker-left", self._worker(worker), time, {"pcn": pcn, "borough": borough}, **more)

    def answer(
        self, team: str, time: str | datetime, borough: str | None, scores: tuple[int, int, int], **more: Any
    ) -> Event:
        """Return one encounter's answers to collaboRATE."""
        name = f"{team}-{self._digest('team', team)[:8]}"
        items = dict(zip(("understand", "listen", "include"), scores, strict=True))
        data = {"team": name, "borough": borough, **items}
        return self.event("collaborate-scored", f"team:RKE:{name}", time, data, **more)

    def assessed(self, commissioner: str, time: str | datetime, met: list[int], **more: Any) -> Event:
        """Return a commissioner's assessment against the nine standards."""
        data = {"standards_met": met}
        return self.event("choice-standards-assessed", f"commissioner:{commissioner}", time, data, **more)

    def course(
        self, who: object, time: str | datetime, borough: str, ref: str = "m-1", *, completed: bool, **more: Any
    ) -> Event:
        """Return the referral to a self-management programme, or its completion."""
        kind = "self-management-completed" if completed else "self-management-referral"
        data = {"borough": borough, "referral_ref": ref, "programme": "expert_patients"}
        return self._personal(kind, who, time, data, **more)

    def retraction(self, target: Event, **more: Any) -> Event:
        """Return the retraction of an event, sent by its source about its subject."""
        data = {"retracts": target["id"], "reason": "entered_in_error"}
        return self.event("event-retracted", target["subject"], target["time"], data, source=target["source"], **more)

    def _personal(self, kind: str, who: object, time: str | datetime, data: dict[str, Any], **more: Any) -> Event:
        given_by = {"ref_source": more.pop("ref_source")} if "ref_source" in more else {}
        return self.event(kind, self.person(who), time, {**data, **given_by}, **more)

    def _worker(self, name: str) -> str:
        return f"link-worker:RKE:{name}-{self._digest('worker', name)[:8]}"

    def _digest(self, *what: object) -> str:
        return sha256("/".join(map(str, (self._scenario, *what))).encode()).hexdigest()
