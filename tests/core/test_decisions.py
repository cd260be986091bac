"""What an explanation is made of."""

import re
from pathlib import Path

from interlock.core.decisions import Step, Verdict

PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()


def test_the_page_has_every_question_in_order_and_every_answer():
    table = PAGE.partition("| question |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) == list(Step)
    for verdict in Verdict:
        assert f"`{verdict}`" in PAGE
