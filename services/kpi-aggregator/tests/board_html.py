"""Reads a page as a program that knows nothing of it: its elements, in order, with their texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "path", "circle", "rect", "br"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())

    def all(self, *names: str) -> list["Element"]:
        found = []
        for child in self.children:
            if isinstance(child, Element):
                found += [child] if not names or child.name in names else []
                found += child.all(*names)
        return found

    def get(self, ident: str) -> "Element":
        return next(one for one in self.all() if one.attributes.get("id") == ident)

    def having(self, css_class: str) -> list["Element"]:
        return [one for one in self.all() if css_class in (one.attributes.get("class") or "").split()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            closed = self.open.pop()
            assert closed.name == tag, f"</{tag}> closes <{closed.name}>"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(html: str) -> Element:
    """Return the document. Fails on tags that do not match."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    (document,) = reader.open
    return document
