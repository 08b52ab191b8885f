"""The texts of the sample world: twelve topics, realistic lengths, VK's raw encoding."""

import re

import numpy as np
import polars as pl
import pytest
from transformers import AutoTokenizer

from vkflow.sample.observables import LONG, text_styles
from vkflow.sample.texts.dice import Dice
from vkflow.sample.texts.grammar import TOPICS, Speaker, agree, read_grammar
from vkflow.sample.texts.voice import draw_voice
from vkflow.sample.texts.write import write_post
from vkflow.settings import load_settings
from vkflow.text.e5.directory import ensure_e5_small


@pytest.fixture(scope="module")
def texts_by_topic() -> dict[str, list[str]]:
    dice, generator = Dice(np.random.default_rng(1)), np.random.default_rng(2)
    voices = [draw_voice(generator) for _ in range(60)]
    return {
        topic: [write_post(read_grammar(topic), voices[i % 60], dice) for i in range(400)]
        for topic in TOPICS
    }


@pytest.fixture(scope="module")
def texts(texts_by_topic: dict[str, list[str]]) -> list[str]:
    return [text for texts in texts_by_topic.values() for text in texts]


def test_there_are_twelve_topics():
    assert len(set(TOPICS)) == 12


@pytest.mark.parametrize("topic", TOPICS)
def test_every_phrase_of_a_topic_can_be_said(topic: str):
    grammar = read_grammar(topic)
    phrases = (
        *grammar.openings, *grammar.headlines, *grammar.sentences,
        *grammar.asides, *grammar.questions, *grammar.calls,
    )  # fmt: skip
    for phrase in phrases:
        said = Speaker(grammar, Dice(np.random.default_rng(0))).say(phrase)
        assert said and not re.search(r"[{}|/]|  ", said), said


@pytest.mark.parametrize("topic", TOPICS)
def test_every_slot_of_a_topic_has_something_to_fill_it(topic: str):
    grammar = read_grammar(topic)
    phrases = [*grammar.headlines, *grammar.sentences, *grammar.asides, *grammar.questions]
    phrases += [phrase for choices in grammar.words.values() for phrase in choices]
    for slot in {slot for phrase in phrases for slot in phrase[1::2]}:
        thing, _, form = slot.partition(".")
        if form:
            assert all(form in row for row in grammar.things[thing])
        else:
            assert slot in grammar.words or re.fullmatch(r"n:\d+-\d+( .+/.+/.+)?", slot)


def test_a_post_keeps_to_its_subject():
    grammar = read_grammar("football")
    speaker = Speaker(grammar, Dice(np.random.default_rng(0)))
    assert len({speaker.say(("", "team.nom", "")) for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("number", "noun"),
    [(1, "год"), (2, "года"), (5, "лет"), (11, "лет"), (21, "год"), (112, "лет"), (40, "лет")],
)
def test_a_noun_agrees_with_its_number(number: int, noun: str):
    assert agree(number, "год", "года", "лет") == noun


def test_topics_have_words_of_their_own(texts_by_topic: dict[str, list[str]]):
    vocabularies = {
        topic: set(re.findall(r"[а-яё]{4,}", " ".join(texts).lower()))
        for topic, texts in texts_by_topic.items()
    }
    for topic, words in vocabularies.items():
        others = set().union(*(w for name, w in vocabularies.items() if name != topic))
        assert len(words - others) > 60, topic


def test_raw_texts_are_encoded_as_vk_does(texts: list[str]):
    joined = "\n".join(texts)
    for feature in (
        r"<br>", r"&quot;", r"&amp;", r"&#128\d{3};", "[😂🔥🎮🚗⚽]", r"#[а-яё]+", r"https://\S+/",
        r"@[a-z_]+", r"\[id\d+\|", r"\[club\d+\|", r"\?", r"!", r"\d", r"[А-ЯЁ]{4,}",
    ):  # fmt: skip
        assert re.search(feature, joined), feature
    assert not re.search(r'["<>]|&(?!\w+;|#\d+;)', joined.replace("<br>", "").replace("\n", ""))


def test_lengths_are_those_of_posts(texts: list[str]):
    styles = text_styles(pl.Series(texts))
    assert 0.15 < styles.select((pl.col("empty") | pl.col("few_words")).mean()).item() < 0.28
    assert 0.05 < styles["empty"].mean() < 0.15
    assert 0.09 < styles["long"].mean() < 0.2


def test_token_counts_keep_the_offline_encoder_busy_but_not_for_hours(texts: list[str]):
    directory = ensure_e5_small(load_settings().hub_directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokens = np.array([len(ids) for ids in tokenizer(texts)["input_ids"]])
    assert 55 <= tokens.mean() <= 65
    assert 0.015 <= (tokens > 512).mean() <= 0.035


def test_communities_have_voices_of_their_own():
    generator = np.random.default_rng(0)
    shares = np.array([draw_voice(generator).emoji for _ in range(200)])
    assert shares.std() > 0.2


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("", "empty"),
        ("Доброе утро", "few_words"),
        ("слово " * (LONG // 5), "long"),
        ("Привет, котики и коты &#128571;", "emoji"),
        ("Привет, котики и коты 😺", "emoji"),
        ("Как у вас дела сегодня?", "question"),
        ("Мы победили в этом матче!", "exclamation"),
        ("СРОЧНО всем прочитать ЭТО", "shouting"),
        ("Мы победили в матче #футбол", "hashtag"),
        ("Подробности у нас на сайте https://vk.cc/1", "link"),
    ],
)
def test_a_style_is_seen_where_it_is(text: str, style: str):
    plain = text_styles(pl.Series(["Это обычная запись без украшений."]))
    assert text_styles(pl.Series([text]))[style].item()
    assert not plain[style].item()


@pytest.mark.parametrize("text", ["😺", "&#128571;&#128571;", "", "https://vk.cc/12"])
def test_a_text_without_words_has_none(text: str):
    assert text_styles(pl.Series([text]))["n_words"].item() == 0


def test_dice_repeat_an_item_only_after_all_others():
    drawn = Dice(np.random.default_rng(0)).sample("abcd", 10)
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == list("abcd")
