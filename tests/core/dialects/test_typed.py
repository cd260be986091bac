from interlock.core.dialects.typed import Remark, Typed, refused


def test_a_refusal_has_a_remark_and_no_value():
    assert refused("is empty", "write something") == Typed(None, Remark("is empty", "write something"))


def test_saying_nothing_is_neither_a_value_nor_a_refusal():
    assert Typed() == Typed(None, None)
    assert Typed() != refused("is empty")
