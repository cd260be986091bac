import pytest

from interlock.core.problems import PermanentError
from interlock.lint.source import Entry, read_source

TEXT = """\
x-base: &base
  labels: {interlock.domain: example.com}
services:
  web:
    image: x
    labels:
      - interlock.hostname=www
      - interlock.port
      - {interlock.ready: prefer}
    environment:
      A: 1
      B:
  other:
    <<: *base
    image: x
"""


@pytest.fixture
def source():
    return read_source("shop/compose.yaml", TEXT, {})


def test_the_entries_of_a_list_are_told_with_their_lines(source):
    web, _ = source.services

    assert list(web.entries("labels")) == [
        Entry("interlock.hostname", "www", 7, in_list=True, number=0),
        Entry("interlock.port", None, 8, in_list=True, number=1),
        Entry("interlock.ready", {"interlock.ready": "prefer"}, 9, in_list=True, number=2),
    ]


def test_the_entries_of_a_mapping_are_told_with_their_lines(source):
    web, _ = source.services

    assert list(web.entries("environment")) == [Entry("A", 1, 11, in_list=False), Entry("B", None, 12, in_list=False)]


def test_a_section_that_is_not_there_has_no_entries(source):
    web, _ = source.services

    assert list(web.entries("deploy", "labels")) == []


def test_the_line_of_what_is_not_written_is_that_of_the_service(source):
    web, other = source.services

    assert web.place_of("labels", "interlock.network") == web.line("healthcheck", "test") == web.line() == 4
    assert other.line() == 13


def test_the_services_of_the_format_of_2014_are_found_too():
    source = read_source("compose.yaml", "web:\n  image: x\ndb:\n  image: y\n", {})

    assert [(each.service.name, each.line()) for each in source.services] == [("web", 1), ("db", 3)]


def test_what_is_no_compose_file_is_refused():
    with pytest.raises(PermanentError, match="no services"):
        read_source("compose.yaml", "a: b\n", {})
