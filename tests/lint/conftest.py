import textwrap

import pytest

from interlock.lint import ComposeFile, examine


@pytest.fixture
def found():
    """Examines the services of one file: (service, line, rule) of each finding."""

    def found(services, **options):
        text = f"services:\n{textwrap.indent(textwrap.dedent(services), '  ')}"
        return examine([ComposeFile("compose.yaml", text)], {}, **options)

    return found


@pytest.fixture
def only(found):
    """The one finding that there is."""

    def only(services, **options):
        (finding,) = found(services, **options)
        return finding

    return only
