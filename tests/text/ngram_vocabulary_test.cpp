#include <accrete/text/ngram_vocabulary.hpp>

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <accrete/text/bpe_tokenizer.hpp>

#include "support/error_text.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(ngram_vocabulary)

namespace {

std::vector<TextCorpus> corpora(std::vector<std::string> documents) {
  return {{.name = "text", .documents = std::move(documents)}};
}

std::vector<std::string> ngrams(Vocabulary const& vocabulary) {
  std::vector<std::string> found;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) == TokenKind::text && count_code_points(vocabulary.token(id)) > 1)
      found.emplace_back(vocabulary.token(id));
  }
  return found;
}

/// Words of a small lexicon, so that there is something to learn.
std::string random_text(unsigned seed, std::size_t words) {
  std::vector<std::string> const lexicon = {"the ", "then ", "мир ", "мира", "что ", "世界",
                                            "你好", ", ",    "aaa",  "é",    "😀"};
  std::mt19937 random(seed);
  std::string text;
  for (; words > 0; --words) text += lexicon[random() % lexicon.size()];
  return text;
}

/// Learns by the definition: counts all pairs anew for every merge.
std::vector<std::string> learn_by_definition(std::vector<std::string> const& documents,
                                             std::size_t max_n, std::size_t count) {
  std::vector<std::vector<std::u32string>> texts;
  std::map<std::u32string, std::size_t> order;  // of appearance, which breaks ties
  for (std::string const& document : documents) {
    texts.emplace_back();
    for (char32_t const letter : to_code_points(document)) {
      texts.back().emplace_back(1, letter);
      order.try_emplace(texts.back().back(), order.size());
    }
  }
  std::vector<std::string> learned;
  while (learned.size() < count) {
    std::map<std::pair<std::size_t, std::size_t>, std::int64_t> counts;
    std::map<std::size_t, std::u32string> spelling;
    for (auto const& [text, id] : order) spelling[id] = text;
    for (auto const& text : texts) {
      for (std::size_t i = 0; i + 1 < text.size(); ++i)
        if (text[i].size() + text[i + 1].size() <= max_n)
          ++counts[{order[text[i]], order[text[i + 1]]}];
    }
    std::pair<std::size_t, std::size_t> best;
    std::int64_t best_count = 1;
    for (auto const& [pair, n] : counts) {
      if (n > best_count) {
        best = pair;
        best_count = n;
      }
    }
    if (best_count == 1) break;
    std::u32string const left = spelling[best.first], right = spelling[best.second];
    for (auto& text : texts) {
      for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] != left || text[i + 1] != right) continue;
        text[i] += right;
        text.erase(text.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    if (order.try_emplace(left + right, order.size()).second)
      learned.push_back(to_utf8(left + right));
  }
  return learned;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_most_frequent_pairs_become_tokens) {
  Vocabulary const vocabulary =
      build_ngram_vocabulary(corpora({"abababcabc"}), {.size = 4 + 256 + 3 + 2});
  BOOST_TEST((ngrams(vocabulary) == std::vector<std::string>{"ab", "abc"}));
  BOOST_TEST(vocabulary.pad() == 0);
  BOOST_TEST(vocabulary.unknown() == 3);
  BOOST_TEST(vocabulary.byte_token(0) == 4);
  BOOST_TEST(vocabulary.token(260) == "a");
  BOOST_TEST(vocabulary.token(263) == "ab");
  BOOST_TEST((vocabulary.merges()[1] == Merge{263, 262, 264}));
}

BOOST_AUTO_TEST_CASE(learns_what_the_definition_learns) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    std::vector<std::string> const documents = {random_text(seed, 60), random_text(seed + 100, 40)};
    std::vector<std::string> const expected = learn_by_definition(documents, 4, 60);
    Vocabulary const vocabulary =
        build_ngram_vocabulary(corpora(documents), {.size = 1000, .max_n = 4});
    std::vector<std::string> learned = ngrams(vocabulary);
    learned.resize(std::min(learned.size(), expected.size()));
    BOOST_TEST(learned == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_text_round_trips_and_the_size_is_exact) {
  std::string const text = random_text(7, 2000);
  for (Index const size : {300, 320, 400, 5000}) {
    Vocabulary const vocabulary = build_ngram_vocabulary(corpora({text}), {.size = size});
    BOOST_TEST(vocabulary.size() == size);
    BpeTokenizer const tokenizer(vocabulary);
    BOOST_TEST(tokenizer.decode(tokenizer.encode(text)) == text);
    BOOST_TEST(tokenizer.decode(tokenizer.encode("ничего такого 𝔘")) == "ничего такого 𝔘");
  }
}

BOOST_AUTO_TEST_CASE(more_places_mean_fewer_tokens) {
  std::string const text = random_text(8, 2000);
  std::size_t last = text.size();
  for (Index const size : {290, 300, 310, 320, 330}) {
    std::size_t const count =
        BpeTokenizer(build_ngram_vocabulary(corpora({text}), {.size = size})).encode(text).size();
    BOOST_TEST(count < last);
    last = count;
  }
}

BOOST_AUTO_TEST_CASE(what_the_text_cannot_fill_is_reserved) {
  Vocabulary const vocabulary = build_ngram_vocabulary(corpora({"ab"}), {.size = 300});
  BOOST_TEST(vocabulary.token(262) == "<unused_262>");
  BOOST_TEST(vocabulary.token(299) == "<unused_299>");
  BOOST_TEST((vocabulary.kind(299) == TokenKind::reserved));
}

BOOST_AUTO_TEST_CASE(code_points_compete_by_the_tokens_they_save) {
  // Without a token, each 世 costs 3 tokens: its two places save 4, more than the 3 of "ab".
  Vocabulary const vocabulary =
      build_ngram_vocabulary(corpora({"世ab世ab-ab"}), {.size = 4 + 256 + 3 + 1});
  BOOST_TEST(vocabulary.find("世").has_value());
  BOOST_TEST(ngrams(vocabulary).empty());
  Vocabulary const other =
      build_ngram_vocabulary(corpora({"世ab-ab-ab"}), {.size = 4 + 256 + 3 + 1});
  BOOST_TEST(!other.find("世").has_value());
  BOOST_TEST((ngrams(other) == std::vector<std::string>{"ab"}));
}

BOOST_AUTO_TEST_CASE(no_token_is_longer_than_max_n_or_rarer_than_min_count) {
  std::string const text = random_text(9, 500);
  Vocabulary const vocabulary =
      build_ngram_vocabulary(corpora({text}), {.size = 2000, .max_n = 3, .min_count = 10});
  BOOST_TEST(!ngrams(vocabulary).empty());
  for (std::string const& ngram : ngrams(vocabulary)) {
    BOOST_TEST(count_code_points(ngram) <= 3U);
    std::size_t places = 0;
    for (std::size_t at = text.find(ngram); at != text.npos; at = text.find(ngram, at + 1))
      ++places;
    BOOST_TEST(places >= 10U);
  }
  BOOST_TEST(ngrams(build_ngram_vocabulary(corpora({text}), {.size = 2000, .max_n = 1})).empty());
}

BOOST_AUTO_TEST_CASE(tokens_do_not_reach_over_documents) {
  std::vector<std::string> const letters(100, "a");
  BOOST_TEST(ngrams(build_ngram_vocabulary(corpora(letters), {.size = 300})).empty());
}

BOOST_AUTO_TEST_CASE(corpora_count_by_their_weight_not_by_their_length) {
  std::vector<TextCorpus> texts = {{.name = "long", .documents = {}},
                                   {.name = "short", .documents = {}}};
  for (int i = 0; i < 100; ++i) texts[0].documents.push_back("xyxy--------");
  texts[1].documents.push_back("pqpqpq");
  NgramVocabularyOptions const options = {.size = 4 + 256 + 5 + 1, .max_n = 2};
  BOOST_TEST((ngrams(build_ngram_vocabulary(std::vector(texts), options)) ==
              std::vector<std::string>{"--"}));
  texts[1].weight = 2;
  BOOST_TEST((ngrams(build_ngram_vocabulary(texts, options)) == std::vector<std::string>{"pq"}));
}

BOOST_AUTO_TEST_CASE(ngrams_never_take_the_spelling_of_a_special_token) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "<s>";
  Vocabulary const vocabulary = build_ngram_vocabulary(corpora({text}), {.size = 400, .max_n = 4});
  BOOST_TEST((vocabulary.kind(vocabulary.find("<s>").value()) == TokenKind::special));
  BpeTokenizer const tokenizer(vocabulary);
  BOOST_TEST(tokenizer.decode(tokenizer.encode(text)) == text);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_by_name) {
  auto const build = [](std::vector<TextCorpus> const& texts,
                        NgramVocabularyOptions const& options = {}) {
    return build_ngram_vocabulary(texts, options);
  };
  BOOST_CHECK_EXCEPTION(build({}), ValueError, says("not a single character"));
  BOOST_CHECK_EXCEPTION(build(corpora({"", ""})), ValueError, says("not a single character"));
  BOOST_CHECK_EXCEPTION(build(corpora({"a", "ab\xFF"})), FileError, says("text[1]", "offset 2"));
  BOOST_CHECK_EXCEPTION(build(corpora({"abc"}), {.size = 262}), ValueError,
                        says("262", "4 special tokens", "3 ASCII"));
  BOOST_CHECK_EXCEPTION(build(corpora({"abc"}), {.size = 0}), ValueError, says("size", "got 0"));
  BOOST_CHECK_EXCEPTION(build(corpora({"abc"}), {.max_n = 0}), ValueError, says("max_n"));
  BOOST_CHECK_EXCEPTION(build(corpora({"abc"}), {.min_count = 0}), ValueError, says("min_count"));
  std::vector<TextCorpus> texts = corpora({"abc"});
  texts[0].weight = 0;
  BOOST_CHECK_EXCEPTION(build(texts), ValueError, says("text", "weight above 0"));
}

BOOST_AUTO_TEST_SUITE_END()
