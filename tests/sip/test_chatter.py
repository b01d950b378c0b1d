from gateway.sip.chatter import BURST, LINES_PER_S, Chatter
from gateway.sip.events import Note

GARBAGE = Note("dropped", {"source": ("192.0.2.7", 5060), "why": "not SIP"})


def test_a_flood_of_nonsense_makes_few_lines_and_the_next_says_how_many_were_left_out() -> None:
    chatter = Chatter()
    said = [chatter.facts(GARBAGE, 100 + n / 1000) for n in range(10_000)]  # ten seconds
    lines = [facts for facts in said if facts is not None]
    assert len(lines) <= BURST + 10 * LINES_PER_S + 1
    last = chatter.facts(GARBAGE, 200.0)
    assert last is not None
    assert sum(facts.get("also", 0) for facts in [*lines, last]) == 10_000 - len(lines)


def test_of_a_friend_and_of_what_is_no_stranger_s_doing_every_line_is_written() -> None:
    chatter = Chatter(lambda host: host == "192.0.2.1")
    friend = Note("refused", {"source": ("192.0.2.1", 5060), "status": 488})
    other = Note("unreachable", {"to": ("192.0.2.7", 5060)})
    for _ in range(1000):
        chatter.facts(GARBAGE, 0.0)
        assert chatter.facts(friend, 0.0) == friend.facts
        assert chatter.facts(other, 0.0) == other.facts
