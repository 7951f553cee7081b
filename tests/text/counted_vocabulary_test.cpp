#include <accrete/text/counted_vocabulary.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <accrete/io/atomic_file.hpp>
#include <accrete/text/bpe_tokenizer.hpp>

#include "support/error_text.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace std::literals;
using accrete::detail::Ngram;
using accrete::detail::NgramCount;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(counted_vocabulary)

namespace {

using Counts = std::map<std::u32string, std::uint64_t>;

std::string random_text(unsigned seed, std::size_t length, std::u32string const& alphabet) {
  std::mt19937 random(seed);
  std::string text;
  for (std::size_t i = 0; i < length; ++i) append_utf8(text, alphabet[random() % alphabet.size()]);
  return text;
}

struct Counted {
  Counts counts;
  std::size_t runs = 0;
};

Counted count(std::filesystem::path const& file, std::filesystem::path const& scratch,
              std::uint64_t memory, int threads) {
  ThreadPool pool(threads);
  detail::NgramCounter counter(5, memory, scratch, pool);
  counter.add_file(file, 3, [] {});
  Counted result;
  Ngram last;
  counter.finish([&](NgramCount const& count) {
    BOOST_TEST_REQUIRE((last < count.ngram));
    BOOST_TEST_REQUIRE(count.weight == 3 * count.places);
    last = count.ngram;
    result.counts[count.ngram.code_points()] = count.places;
  });
  result.runs = counter.runs();
  return result;
}

Vocabulary build(std::filesystem::path const& file, CountedVocabularyOptions const& options = {}) {
  std::vector<TextFiles> const texts = {{.files = {file}}};
  return build_counted_vocabulary(texts, options);
}

std::u32string const alphabet = U"abcdeжщ字\u0800😀 \n";

}  // namespace

BOOST_AUTO_TEST_CASE(an_ngram_keeps_its_code_points_and_its_order) {
  for (std::u32string const text : {U"a", U"ab", U"abc", U"ж字😀\U0010FFFF", U"a\0b\0c"})
    BOOST_TEST((Ngram(text).code_points() == text));
  BOOST_TEST((Ngram(U"\U0010FFFF") < Ngram(U"ab")));
  BOOST_TEST((Ngram(U"abcde") < Ngram(U"abcdf")));
  BOOST_TEST((Ngram(U"abcdf") < Ngram(U"abdaa")));
  BOOST_TEST((Ngram(U"ab") < Ngram(U"ac")));
}

BOOST_AUTO_TEST_CASE(counts_are_those_of_the_definition_whatever_the_memory_and_threads) {
  accrete_test::ScratchFolder const folder;
  // Three blocks, so that n-grams and characters stand across their ends.
  std::string text = random_text(1, 60000, alphabet);
  while (text.size() < 2 * detail::TextBlock::size) text += "ж字";
  text += random_text(2, 20000, alphabet);
  write_file_atomically(folder / "text", text);
  Counts expected;
  std::u32string const code_points = to_code_points(text);
  for (std::size_t i = 0; i < code_points.size(); ++i)
    for (std::size_t n = 2; n <= 5 && i + n <= code_points.size(); ++n)
      ++expected[code_points.substr(i, n)];
  Counted const roomy = count(folder / "text", folder.path(), std::uint64_t{1} << 30, 1);
  BOOST_TEST((roomy.counts == expected));
  BOOST_TEST(roomy.runs == 1U);  // the one table
  Counted const tight = count(folder / "text", folder.path(), 1, 2);
  BOOST_TEST((tight.counts == expected));
  BOOST_TEST(tight.runs > 5U);
  BOOST_TEST((folder.names() == std::set<std::string>{"text"}));
}

BOOST_AUTO_TEST_CASE(the_vocabulary_does_not_depend_on_memory_and_threads) {
  accrete_test::ScratchFolder const folder;
  write_file_atomically(folder / "text", random_text(2, 300000, alphabet));
  Vocabulary const one = build(folder / "text", {.size = 2000, .threads = 1});
  Vocabulary const other = build(
      folder / "text",
      {.size = 2000, .memory = std::uint64_t{16} << 20, .scratch = folder.path(), .threads = 2});
  BOOST_TEST((one == other));
}

BOOST_AUTO_TEST_CASE(every_text_round_trips_and_every_ngram_can_be_reached) {
  accrete_test::ScratchFolder const folder;
  std::string text;
  for (int i = 0; i < 200; ++i) text += "the cat, the dog; кошка и пёс.\n";
  write_file_atomically(folder / "text", text + "é");
  Vocabulary const vocabulary = build(folder / "text", {.size = 400});
  BOOST_TEST(vocabulary.size() == 400);
  BOOST_TEST(!vocabulary.find("é").has_value());  // stands once
  BOOST_TEST(vocabulary.find("ё").has_value());
  BpeTokenizer const tokenizer(vocabulary);
  std::string const strange = "the пёс😀\U0010FFFF\U000E0001é\0"s + "\r";
  BOOST_TEST(tokenizer.decode(tokenizer.encode(strange)) == strange);
  BOOST_TEST(tokenizer.encode(text).size() < text.size() / 3);
  std::vector<bool> made(400);
  for (Merge const& merge : vocabulary.merges())
    made[static_cast<std::size_t>(merge.result)] = true;
  int ngrams = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) != TokenKind::text) continue;
    if (count_code_points(vocabulary.token(id)) == 1) continue;
    BOOST_TEST(made[static_cast<std::size_t>(id)]);
    ++ngrams;
  }
  BOOST_TEST(ngrams > 50);
}

BOOST_AUTO_TEST_CASE(kinds_of_text_count_by_their_weight_not_by_their_length) {
  accrete_test::ScratchFolder const folder;
  std::string longer;
  for (int i = 0; i < 1000; ++i) longer += "xyxy--------";
  write_file_atomically(folder / "long", longer);
  write_file_atomically(folder / "short", "pqpqpqpqpq");
  std::vector<TextFiles> texts = {{.files = {folder / "long"}}, {.files = {folder / "short"}}};
  CountedVocabularyOptions const options{.size = 4 + 256 + 5 + 1, .max_n = 2};
  BOOST_TEST(build_counted_vocabulary(texts, options).find("--").has_value());
  texts[1].weight = 3;
  BOOST_TEST(build_counted_vocabulary(texts, options).find("pq").has_value());
}

BOOST_AUTO_TEST_CASE(invalid_text_is_refused_with_its_offset_wherever_it_stands) {
  accrete_test::ScratchFolder const folder;
  std::size_t const block = detail::TextBlock::size;
  for (std::size_t const offset : {std::size_t{0}, block - 1, block, block + 1, block + 70000}) {
    std::string text(block + 70000, 'a');
    text.insert(offset, "\x80");
    write_file_atomically(folder / "bad", text);
    BOOST_CHECK_EXCEPTION((void)build(folder / "bad"), FileError,
                          says("bad", message("offset ", offset)));
  }
  std::string cut(block - 1, 'a');
  write_file_atomically(folder / "bad", cut + "\xE2\x82");
  BOOST_CHECK_EXCEPTION((void)build(folder / "bad"), FileError, says("offset 1048575", "ends"));
  write_file_atomically(folder / "good", cut + "€" + "b");
  BOOST_TEST(build(folder / "good").find("€").has_value() == false);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
  accrete_test::ScratchFolder const folder;
  write_file_atomically(folder / "text", "abc");
  write_file_atomically(folder / "empty", "");
  auto const refused = [&](CountedVocabularyOptions const& options, auto const&... parts) {
    BOOST_CHECK_EXCEPTION((void)build(folder / "text", options), ValueError, says(parts...));
  };
  refused({.size = 0}, "size", "got 0");
  refused({.max_n = 6}, "max_n", "1 to 5");
  refused({.min_count = 0}, "min_count");
  refused({.memory = 1000}, "memory");
  refused({.size = 262}, "262", "3 ASCII");
  BOOST_CHECK_EXCEPTION((void)build(folder / "empty"), ValueError, says("not a single character"));
  BOOST_CHECK_EXCEPTION((void)build(folder / "none"), FileError, says("none"));
}

BOOST_AUTO_TEST_SUITE_END()
