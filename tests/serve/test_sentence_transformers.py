"""The engine sentence_transformers against transformers in float32 on the same weights: real MiniLM, and stand-ins."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaModel,
)

from serve import peak, standins
from serve.engine import Tokens
from serve.engines.sentence_transformers import Config, Engine
from serve.errors import BadRequest, ModelUnavailable
from tests.serve import references
from tests.serve.references import PAIRS, PLACE, QUERY, TEXTS


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for task in ("embeddings", "rerank"):
        standins.make(task, "sentence_transformers", made / task)
    return made


@pytest.fixture(scope="module")
def reranker(folders: Path) -> Engine:
    return Engine(Config(), folders / "rerank", PLACE)


@pytest.fixture(scope="module", params=["minilm", "standin"])
def folder(request: pytest.FixtureRequest, folders: Path) -> Path:
    return references.minilm() if request.param == "minilm" else folders / "embeddings"


@pytest.fixture
def embeddings(folders: Path, tmp_path: Path) -> Path:
    """A copy of the stand-in that a test may change."""
    return shutil.copytree(folders / "embeddings", tmp_path / "model")


def change(folder: Path, name: str, **settings: Any) -> None:
    file = folder / name
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**content, **settings}))


def test_a_mixed_batch_has_the_vectors_of_its_texts_alone(folder: Path) -> None:
    engine = Engine(Config(), folder, PLACE)
    found = engine.embed(engine.tokenize(TEXTS))
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), engine.dimensions())
    assert references.cosines(found, references.vectors(folder, TEXTS)).min() >= 0.999


@pytest.mark.parametrize("cores", [2, 3, 8])
def test_cores_that_compute_parts_of_a_batch_find_the_same_vectors_in_the_same_order(folders: Path, cores: int) -> None:
    alone = Engine(Config(), folders / "embeddings", PLACE)
    several = Engine(Config(), folders / "embeddings", PLACE.model_copy(update={"cpus": cores}))
    texts = [" ".join(["word", *map(str, range(number))]) for number in (1, 90, 7, 200, 33, 2, 90, 150)]
    found = several.embed(several.tokenize(texts))
    assert np.abs(found - alone.embed(alone.tokenize(texts))).max() < 1e-5
    parts = several._parts([several.tokenizer.blank(128)] * 8)
    assert [len(part) for part in parts] == {2: [4, 4], 3: [3, 2, 3], 8: [2, 2, 2, 2]}[cores]
    several.close()


def test_different_texts_have_different_vectors(folder: Path) -> None:
    engine = Engine(Config(), folder, PLACE)
    found = engine.embed(engine.tokenize(TEXTS[:2]))
    assert references.cosines(found[:1], found[1:])[0] < 0.98


def test_a_mixed_batch_has_the_scores_of_its_pairs_alone(folders: Path, reranker: Engine) -> None:
    found = reranker.score(reranker.tokenize_pairs(PAIRS))
    expected = references.scores(folders / "rerank", PAIRS)
    assert found == pytest.approx(expected, abs=1e-2)
    assert np.argsort(-found).tolist() == np.argsort(-expected).tolist()
    assert np.ptp(expected) > 0.05


def test_the_folder_says_how_tokens_become_one_vector(embeddings: Path) -> None:
    change(embeddings, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    engine = Engine(Config(), embeddings, PLACE)
    found = engine.embed(engine.tokenize(TEXTS))
    assert references.cosines(found, references.vectors(embeddings, TEXTS, "cls")).min() >= 0.999
    assert references.cosines(found, references.vectors(embeddings, TEXTS, "mean")).min() < 0.99


def test_vectors_keep_their_length_so_that_a_client_may_ask_for_it(folder: Path) -> None:
    engine = Engine(Config(), folder, PLACE)
    lengths = np.linalg.norm(engine.embed(engine.tokenize(TEXTS)), axis=1)
    assert np.ptp(lengths) > 1e-3


@pytest.mark.parametrize(
    "pair", [("word " * 9, "text " * 90), ("word " * 90, "text " * 9), ("word " * 90, "text " * 90)]
)
def test_a_pair_beyond_the_context_is_cut_as_transformers_cuts_it(folders: Path, pair: tuple[str, str]) -> None:
    engine = Engine(Config(max_tokens=32), folders / "rerank", PLACE)
    (tokens,) = engine.tokenize_pairs([pair])
    expected = AutoTokenizer.from_pretrained(folders / "rerank")(*pair, truncation=True, max_length=32)
    assert tokens.ids.tolist() == [expected["input_ids"], expected["token_type_ids"]]


def test_tokens_know_their_number_before_cutting(folders: Path) -> None:
    engine = Engine(Config(max_tokens=16), folders / "embeddings", PLACE)
    expected = AutoTokenizer.from_pretrained(folders / "embeddings")(TEXTS)["input_ids"]
    tokens = engine.tokenize(TEXTS)
    assert [item.length for item in tokens] == [len(ids) for ids in expected]
    assert max(item.ids.shape[1] for item in tokens) == engine.max_tokens() == 16


def test_of_a_book_no_more_is_read_than_shows_that_it_is_too_long(folders: Path) -> None:
    engine = Engine(Config(max_tokens=16), folders / "embeddings", PLACE)
    book, start = engine.tokenize(["word " * 100_000, "word " * 50])
    assert engine.max_tokens() < book.length < 5_000
    assert book.ids.tolist() == start.ids.tolist()


def test_of_many_long_texts_few_are_held_as_tokens_at_once(folders: Path) -> None:
    engine = Engine(Config(), folders / "embeddings", PLACE)
    found = list[Tokens]()
    before = peak.ram(lambda: None)
    taken = peak.ram(lambda: found.extend(engine.tokenize(["word " * 8000] * 160))) - before
    assert len(found) == 160
    assert taken < 2**29  # All at once are a gigabyte.


def test_a_short_text_among_many_blanks_is_read_to_its_end(folders: Path) -> None:
    engine = Engine(Config(max_tokens=16), folders / "embeddings", PLACE)
    wide, narrow = engine.tokenize(["first" + " " * 10_000 + "last", "first last"])
    assert wide.ids.tolist() == narrow.ids.tolist()


def test_max_tokens_raises_no_limit_of_the_model(folders: Path) -> None:
    assert Engine(Config(max_tokens=100_000), folders / "embeddings", PLACE).max_tokens() == 512


def test_positions_that_start_after_padding_leave_less_room(folders: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folders / "embeddings", model_max_length=10**9)
    tokenizer.save_pretrained(tmp_path)
    RobertaModel(
        RobertaConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=34, pad_token_id=1, type_vocab_size=2,
        )
    ).save_pretrained(tmp_path)  # fmt: skip
    engine = Engine(Config(), tmp_path, PLACE)
    assert engine.max_tokens() == 32
    assert np.isfinite(engine.embed(engine.tokenize(["word " * 100]))).all()


def test_prompt_of_the_entry_is_put_before_each_text(folders: Path) -> None:
    plain, prompted = (Engine(Config(prompt=prompt), folders / "embeddings", PLACE) for prompt in (None, "query: "))
    assert prompted.tokenize(["a text"])[0].ids.tolist() == plain.tokenize(["query: a text"])[0].ids.tolist()


def test_prompts_of_the_folder_are_asked_for_by_name(embeddings: Path) -> None:
    change(embeddings, "config_sentence_transformers.json", prompts={"query": "search: "}, default_prompt_name="query")
    engine = Engine(Config(), embeddings, PLACE)
    plain, prompted = engine.tokenize(["a text"], "document")[0], engine.tokenize(["search: a text"], "document")[0]
    assert engine.tokenize(["a text"])[0].ids.tolist() == prompted.ids.tolist()
    assert engine.tokenize(["a text"], "query")[0].ids.tolist() == prompted.ids.tolist()
    assert plain.length < prompted.length
    with pytest.raises(BadRequest, match="'passage' is none of query, document"):
        engine.tokenize(["a text"], "passage")


def test_a_cross_encoder_refuses_to_embed(reranker: Engine) -> None:
    with pytest.raises(ModelUnavailable, match=r"is a cross-encoder \(task rerank\), and not an embedding model"):
        reranker.tokenize(["text"])


def test_an_embedding_model_refuses_to_score_pairs(folders: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"is an embedding model \(task embeddings\), and not a cross-encoder"):
        Engine(Config(), folders / "embeddings", PLACE).tokenize_pairs([(QUERY, "text")])


def test_a_classifier_of_several_labels_is_no_reranker(folders: Path, tmp_path: Path) -> None:
    AutoTokenizer.from_pretrained(folders / "rerank").save_pretrained(tmp_path)
    small = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=3)
    BertForSequenceClassification(small).save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match="gives 3 labels; a reranker gives one score"):
        Engine(Config(), tmp_path, PLACE)


def test_weights_that_give_no_numbers_are_refused(embeddings: Path) -> None:
    model = AutoModel.from_pretrained(embeddings)
    model.embeddings.LayerNorm.weight.data[:] = float("nan")
    model.save_pretrained(embeddings)
    with pytest.raises(ModelUnavailable, match="a first try gave values that are no numbers"):
        Engine(Config(), embeddings, PLACE)


def test_dtype_of_the_entry_is_that_of_the_weights(folders: Path) -> None:
    engine = Engine(Config(dtype="bfloat16"), folders / "embeddings", PLACE)
    assert {str(weight.dtype) for weight in engine.model.parameters()} == {"torch.bfloat16"}
    found = engine.embed(engine.tokenize(TEXTS))
    assert references.cosines(found, references.vectors(folders / "embeddings", TEXTS)).min() >= 0.99


def test_threads_may_tokenise_long_and_short_texts_at_once(folders: Path) -> None:
    engine = Engine(Config(max_tokens=16), folders / "embeddings", PLACE)
    requests = [[text] * 20 for text in TEXTS * 8]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(engine.tokenize, requests))
    alone = [engine.tokenize(request) for request in requests]
    assert [[t.ids.tolist() for t in tokens] for tokens in together] == [
        [t.ids.tolist() for t in tokens] for tokens in alone
    ]
