"""Builds events from keyword arguments. Made by `python -m pcare_schemas.generate`; change the models instead."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from pcare_client.event import Event, build, source_of


class Events:
    """Builds the events of one organisation: its ODS code (RKE), its slug of the provider register, or its URI.

    Each method is a kind of event. `id` names the event for ever: left out, it is made at random, once. `time` needs
    its offset. Optional is what may be None.
    """

    def __init__(self, source: str) -> None:
        self.source = source_of(source)

    def choice_offered(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        referral_ref: str,
        elective: bool,
        via_ers: bool,
        providers_offered: int,
        choice_exercised: bool,
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person was offered a choice of provider.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        referral_ref: The referral, as its referrer numbers it.
        elective: Whether the referral is elective.
        via_ers: Whether it went through the NHS e-Referral Service.
        providers_offered: How many providers the person could choose from.
        choice_exercised: Whether the person chose.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "choice-offered",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            referral_ref=referral_ref,
            elective=elective,
            via_ers=via_ers,
            providers_offered=providers_offered,
            choice_exercised=choice_exercised,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def choice_standards_assessed(
        self,
        *,
        subject: str,
        time: dt.datetime | str,
        standards_met: Sequence[int],
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A commissioner was assessed against the minimum standards of the CCG Choice Planning and Improvement Guide.

        subject: commissioner:<ODS code>.
        time: when it happened.
        standards_met: The numbers of the minimum standards met; those left out are not met.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "choice-standards-assessed",
            source=self.source,
            subject=subject,
            time=time,
            standards_met=standards_met,
            id=id,
            recordedtime=recordedtime,
        )

    def sp_referral(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        referral_ref: str,
        referrer: Literal["gp", "pcn_staff", "nhs_111", "hospital", "council", "voluntary_sector", "self", "other"],
        reasons: Sequence[
            Literal[
                "long_term_condition",
                "mental_health",
                "lonely_or_isolated",
                "complex_social_needs",
            ]
        ],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        link_worker_provider: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person was referred to a social prescribing link worker.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        referral_ref: The referral. A second event with the same reference is the same referral.
        referrer: Who referred.
        reasons: Why: one or more.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        link_worker_provider: Whose link worker: ODS code, or slug of the provider register.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "sp-referral",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            referral_ref=referral_ref,
            referrer=referrer,
            reasons=reasons,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            link_worker_provider=link_worker_provider,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def sp_declined(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        referral_ref: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person declined social prescribing.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        referral_ref: The referral declined, if one had been made.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "sp-declined",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            referral_ref=referral_ref,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def sp_closed(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        referral_ref: str,
        outcome: Literal[
            "goals_met",
            "goals_partly_met",
            "referred_on",
            "no_longer_wanted",
            "not_reached",
            "moved_away",
            "died",
            "other",
        ],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A social prescribing episode was closed.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        referral_ref: The referral that opened the episode.
        outcome: How it ended.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "sp-closed",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            referral_ref=referral_ref,
            outcome=outcome,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def link_worker_joined(
        self,
        *,
        subject: str,
        time: dt.datetime | str,
        pcn: str,
        employer: str,
        wte: float,
        borough: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A link worker took up post.

        subject: link-worker:<organisation>:<local id>.
        time: when it happened.
        pcn: The primary care network served: U and 5 digits.
        employer: ODS code, or slug of the provider register.
        wte: Whole-time equivalent, 0 to 1, to two decimals.
        borough: The borough served (GSS code). Left out, the post counts for NCL only.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "link-worker-joined",
            source=self.source,
            subject=subject,
            time=time,
            pcn=pcn,
            employer=employer,
            wte=wte,
            borough=borough,
            id=id,
            recordedtime=recordedtime,
        )

    def link_worker_left(
        self,
        *,
        subject: str,
        time: dt.datetime | str,
        pcn: str,
        borough: str | None = None,
        employer: str | None = None,
        wte: float | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A link worker left their post.

        subject: link-worker:<organisation>:<local id>.
        time: when it happened.
        pcn: The primary care network served: U and 5 digits.
        borough: The borough served (GSS code). Left out, the post counts for NCL only.
        employer: ODS code, or slug of the provider register.
        wte: Whole-time equivalent, 0 to 1, to two decimals.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "link-worker-left",
            source=self.source,
            subject=subject,
            time=time,
            pcn=pcn,
            borough=borough,
            employer=employer,
            wte=wte,
            id=id,
            recordedtime=recordedtime,
        )

    def sdm_conversation(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        conversation_ref: str,
        situation: str,
        setting: Literal["primary", "secondary", "interface"],
        decision: Literal["option_chosen", "no_change", "deferred"],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        decision_aid: bool | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A shared decision making conversation took place.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        conversation_ref: The conversation. Several contacts about one decision share it.
        situation: The high-value clinical situation: a code of the list.
        setting: Primary care, secondary care, or the interface between them.
        decision: What came of it.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        decision_aid: Whether a patient decision aid was used.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "sdm-conversation",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            conversation_ref=conversation_ref,
            situation=situation,
            setting=setting,
            decision=decision,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            decision_aid=decision_aid,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def collaborate_scored(
        self,
        *,
        subject: str,
        time: dt.datetime | str,
        team: str,
        understand: int,
        listen: int,
        include: int,
        borough: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person answered collaboRATE, anonymously: the event is about the team and names no person.

        subject: team:<organisation>:<local id>.
        time: when it happened.
        team: The team's id: the last part of the subject.
        understand: Effort to help understand the health issues.
        listen: Effort to listen to what matters most.
        include: Effort to include it in choosing what to do next.
        borough: The borough the team works in (GSS code). Left out: counts for NCL only.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "collaborate-scored",
            source=self.source,
            subject=subject,
            time=time,
            team=team,
            understand=understand,
            listen=listen,
            include=include,
            borough=borough,
            id=id,
            recordedtime=recordedtime,
        )

    def pam_scored(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        score: float,
        level: int,
        instrument: Literal["PAM-13", "PAM-10"],
        cut_points: Literal["classic", "revised"],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        plan_ref: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person completed a Patient Activation Measure.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        score: 0.0 to 100.0, to one decimal.
        level: 1 to 4; must be that of the score under `cut_points`.
        instrument: Which form was completed.
        cut_points: Where the levels part: classic 47.0 / 55.1 / 67.0, revised 47.0 / 55.1 / 72.4.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        plan_ref: The care and support plan that the measure is part of.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "pam-scored",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            score=score,
            level=level,
            instrument=instrument,
            cut_points=cut_points,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            plan_ref=plan_ref,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def self_management_referral(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        referral_ref: str,
        programme: Literal[
            "expert_patients",
            "diabetes_education",
            "pulmonary_rehabilitation",
            "health_coaching",
            "peer_support",
            "other",
        ],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person was referred to a self-management programme.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        referral_ref: The referral.
        programme: Which programme.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "self-management-referral",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            referral_ref=referral_ref,
            programme=programme,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def self_management_completed(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        referral_ref: str,
        programme: Literal[
            "expert_patients",
            "diabetes_education",
            "pulmonary_rehabilitation",
            "health_coaching",
            "peer_support",
            "other",
        ],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person completed a self-management programme.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        referral_ref: The referral.
        programme: Which programme.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "self-management-completed",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            referral_ref=referral_ref,
            programme=programme,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def care_plan_agreed(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        plan_ref: str,
        plan_kind: Literal[
            "long_term_condition",
            "end_of_life",
            "continuing_care",
            "ehc_plan",
            "maternity",
            "mental_health",
            "cancer",
            "learning_disability",
            "frailty",
            "other",
        ],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        review_due: dt.date | str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A personalised care and support plan was agreed. It is active for 12 months unless it ends before.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        plan_ref: The plan.
        plan_kind: What the plan is for.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        review_due: The day its review is due.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "care-plan-agreed",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            plan_ref=plan_ref,
            plan_kind=plan_kind,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            review_due=review_due,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def care_plan_reviewed(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        plan_ref: str,
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        next_review_due: dt.date | str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A personalised care and support plan was reviewed.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        plan_ref: The plan.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        next_review_due: The day the next review is due.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "care-plan-reviewed",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            plan_ref=plan_ref,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            next_review_due=next_review_due,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def care_plan_ended(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        plan_ref: str,
        reason: Literal["goals_met", "replaced", "no_longer_wanted", "moved_away", "died", "other"],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A personalised care and support plan ended.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        plan_ref: The plan.
        reason: Why it ended.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "care-plan-ended",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            plan_ref=plan_ref,
            reason=reason,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def care_plan_declined(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        reason: Literal["not_wanted", "not_now", "has_another_plan", "not_reached", "other"],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        plan_ref: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A person declined personalised care and support planning.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        reason: Why it was declined.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        plan_ref: The plan declined, if it had a reference.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "care-plan-declined",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            reason=reason,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            plan_ref=plan_ref,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def phb_issued(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        budget_ref: str,
        cohorts: Sequence[
            Literal[
                "adult_chc",
                "adult_fast_track",
                "adult_joint",
                "adult_mh",
                "s117",
                "adult_ld",
                "wheelchair",
                "adult_other",
                "cyp_continuing_care",
                "cyp_ehcp",
                "cyp_ld_autism",
                "cyp_mh",
                "cyp_other",
                "maternity",
                "end_of_life",
                "ltc",
                "dementia",
                "carers",
                "equipment",
                "neuromuscular",
            ]
        ],
        management: Sequence[Literal["direct_payment", "notional", "third_party"]],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        starts: dt.date | str | None = None,
        integrated: bool | None = None,
        one_off: bool | None = None,
        annual_value_pence: int | None = None,
        plan_ref: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A personal health budget, or an integrated personal budget, was issued.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        budget_ref: The budget.
        cohorts: The cohorts the person is in: one or more, for they overlap.
        management: Who holds the money: one, or more for a split budget.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        starts: The day the budget starts. Left out, it starts at the event's time.
        integrated: Whether it joins health and social care money.
        one_off: Whether it is a single payment.
        annual_value_pence: A year's value in pence.
        plan_ref: The care and support plan that the budget serves.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "phb-issued",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            budget_ref=budget_ref,
            cohorts=cohorts,
            management=management,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            starts=starts,
            integrated=integrated,
            one_off=one_off,
            annual_value_pence=annual_value_pence,
            plan_ref=plan_ref,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def phb_ended(
        self,
        *,
        time: dt.datetime | str,
        borough: str,
        budget_ref: str,
        reason: Literal["no_longer_eligible", "no_longer_wanted", "spent", "replaced", "moved_away", "died", "other"],
        nhs_number: str | None = None,
        subject: str | None = None,
        pcn: str | None = None,
        practice: str | None = None,
        age_band: Literal[
            "0-4",
            "5-9",
            "10-14",
            "15-19",
            "20-24",
            "25-29",
            "30-34",
            "35-39",
            "40-44",
            "45-49",
            "50-54",
            "55-59",
            "60-64",
            "65-69",
            "70-74",
            "75-79",
            "80-84",
            "85-89",
            "90+",
        ]
        | None = None,
        sex: Literal["female", "male", "other", "unknown"] | None = None,
        ethnic_category: str | None = None,
        imd_decile: int | None = None,
        snomed_code: str | None = None,
        snomed_version: str | None = None,
        ref_source: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """A personal health budget ended.

        time: when it happened.
        borough: Borough of registration (GSS code) on the day of the event.
        budget_ref: The budget.
        reason: Why it ended.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or by pseudonym: person:k1:<32 hex digits>.
        pcn: Primary care network: U and 5 digits.
        practice: GP practice: ODS code.
        age_band: Five-year age band on the day of the event.
        sex: Administrative sex.
        ethnic_category: Ethnic category: the national 16+1.
        imd_decile: Index of Multiple Deprivation decile: 1 is the most deprived.
        snomed_code: The SNOMED CT concept recorded, where this kind accepts one.
        snomed_version: The SNOMED CT release that `snomed_code` was taken from.
        ref_source: The organisation that gave the references in this payload, as a `source`. Left out, it is the
            event's own `source`.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "phb-ended",
            source=self.source,
            subject=subject,
            time=time,
            borough=borough,
            budget_ref=budget_ref,
            reason=reason,
            nhs_number=nhs_number,
            pcn=pcn,
            practice=practice,
            age_band=age_band,
            sex=sex,
            ethnic_category=ethnic_category,
            imd_decile=imd_decile,
            snomed_code=snomed_code,
            snomed_version=snomed_version,
            ref_source=ref_source,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )

    def event_retracted(
        self,
        *,
        time: dt.datetime | str,
        retracts: str,
        reason: Literal["entered_in_error", "duplicate", "wrong_person", "consent_withdrawn"],
        nhs_number: str | None = None,
        subject: str | None = None,
        subjectprev: str | None = None,
        id: str | None = None,  # noqa: A002
        recordedtime: dt.datetime | str | None = None,
    ) -> Event:
        """An event is taken back by its provider. A correction is a retraction and a new event, with a new id.

        time: when it happened.
        retracts: The id of an event of the same source and the same subject.
        reason: Why it no longer stands.
        nhs_number: whom it is about, by NHS number; over HTTP only.
        subject: or the subject of the event taken back, to the letter.
        subjectprev: while the pseudonym key is being changed: the same person's other pseudonym.
        id: unique within your source, for ever; default a new UUID.
        recordedtime: when your own system recorded it.
        """
        return build(
            "event-retracted",
            source=self.source,
            subject=subject,
            time=time,
            retracts=retracts,
            reason=reason,
            nhs_number=nhs_number,
            subjectprev=subjectprev,
            id=id,
            recordedtime=recordedtime,
        )
