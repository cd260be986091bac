from pathlib import Path

from interlock.lint import MEANINGS, Rule

PAGE = Path(__file__).parents[2] / "docs" / "lint.md"


def test_every_rule_has_a_meaning():
    assert set(MEANINGS) == set(Rule)


def test_the_page_has_all_rules_in_their_order():
    table = "".join(f"| `{rule}` | {meaning} |\n" for rule, meaning in MEANINGS.items())

    assert PAGE.read_text().endswith(f"|---|---|\n{table}")
