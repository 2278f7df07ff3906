"""The contract beyond HTTP, served from here alone."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import jsonschema_rs
import pytest
import yaml
from ingest_support import Service

from pcare_schemas import asyncapi
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS


async def test_the_asyncapi_document_is_served_whole(service: Service) -> None:
    answer = await service.client.get("/asyncapi.yaml")

    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.text) == asyncapi.document()


async def test_every_reference_of_the_asyncapi_document_is_served_beside_it(service: Service) -> None:
    text = (await service.client.get("/asyncapi.yaml")).text
    references = set(re.findall(r"\$ref: '?(\./[^\s']+)", text))

    assert len(references) == len(KINDS) + 2
    for reference in references:
        answer = await service.client.get(urljoin("/asyncapi.yaml", reference))
        assert answer.status_code == 200, reference
        assert answer.headers["content-type"] == "application/schema+json"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_schema_served_is_that_of_the_kind(service: Service, kind: str) -> None:
    schema = jsonschema_rs.validator_for((await service.client.get(f"/json-schema/{kind}.json")).json())

    assert schema.is_valid(VALID[kind])
    assert not schema.is_valid({**VALID[kind], "unknown": 1})


class Page(HTMLParser):
    """What of a page must fit together: its tags, its places and the links to them."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in named:
            self.ids.append(named["id"] or "")
        if tag == "a":
            self.links.append(named["href"] or "")
        elif "href" in named or "src" in named:
            self.loaded.append(named.get("src") or named.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_shows_every_topic_and_every_field_and_loads_nothing(service: Service) -> None:
    answer = await service.client.get("/asyncapi")
    page = Page()
    page.feed(answer.text)

    assert page.open == []
    assert page.loaded == []
    assert "<script" not in answer.text
    assert len(page.ids) == len(set(page.ids))
    document = asyncapi.document()
    for channel in document["channels"].values():
        assert f"<code>{html.escape(channel['address'])}</code>" in answer.text
    for kind in KINDS.values():
        for field in kind.model_fields["data"].annotation.model_fields:  # type: ignore[union-attr]
            assert f"<code>data.{field}</code>" in answer.text
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert (await service.client.get(urljoin("/asyncapi", link))).status_code == 200, link


async def test_the_index_leads_to_them(service: Service) -> None:
    page = Page()
    page.feed((await service.client.get("/")).text)

    for link in page.links:
        assert (await service.client.get(urljoin("/", link))).status_code == 200, link
    assert "asyncapi" in page.links
