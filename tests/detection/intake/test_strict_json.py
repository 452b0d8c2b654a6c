from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.intake import strict_json
from detection.intake.strict_json import Malformed


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": 1,}',
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b'{"a": 01}',
        b"nonsense",
        b'{"a": "\x01"}',
    ],
)
def test_what_is_no_json_is_refused_whole(raw):
    with pytest.raises(Malformed) as caught:
        strict_json.loads(raw)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (b'{"a": 1, "a": 2}', "", "duplicate_key"),
        (b'{"a": {"b": 1, "b": 2}}', "/a", "duplicate_key"),
        (b'{"a": NaN}', "/a", "not_a_number"),
        (b'{"a": [1, -Infinity]}', "/a/1", "not_a_number"),
        (b'{"a": 9007199254740993}', "/a", "number_too_large"),
        (b'{"a": 123456789012345678901234567890}', "/a", "number_too_large"),
        (b'{"a": 1e999999999}', "/a", "number_too_large"),
        (b'{"a": "x\\u0000y"}', "/a", "nul"),
        (b'{"a": "\\ud800"}', "/a", "lone_surrogate"),
        (b'{"a~/b": "\\u0000"}', "/a~0~1b", "nul"),
    ],
)
def test_a_flaw_inside_is_named_by_its_pointer(raw, pointer, code):
    found = strict_json.flaws(strict_json.loads(raw))
    assert [(flaw["pointer"], flaw["code"]) for flaw in found] == [(pointer, code)]


def test_depth_size_and_names_are_bounded():
    deep = strict_json.loads(b'{"m":' + b"[" * 30 + b"]" * 30 + b"}")
    wide = strict_json.loads(b"[" + b"1," * 3000 + b"1]")
    long_name = strict_json.loads(b'{"' + b"k" * 200 + b'": 1}')
    long_text = strict_json.loads(b'{"m": "' + b"x" * 9000 + b'"}')
    assert [strict_json.flaws(value)[0]["code"] for value in (deep, wide, long_name, long_text)] == [
        "too_deep",
        "too_many_nodes",
        "bad_name",
        "too_long",
    ]


def test_one_bad_line_leaves_the_others_alone():
    good, bad, other = strict_json.lines(b'{"a": 1}\n{oops\n\n{"b": 2}\n')
    assert good == {"a": 1}
    assert isinstance(bad, Malformed)
    assert other == {"b": 2}


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_value_or_a_malformed(raw):
    try:
        value = strict_json.loads(raw)
    except Malformed as malformed:
        status = malformed.status
    else:
        status = 400 if strict_json.flaws(value) else 202
    assert status in {400, 202}
