#include <accrete/text/bpe_tokenizer.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/error_text.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(bpe_tokenizer)

namespace {

using Ids = std::vector<TokenId>;

void add_bytes(std::vector<Token>& tokens) {
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
}

/// The definition, word by word: look for the best pair of all, merge it, begin again.
Ids encode_by_definition(Vocabulary const& vocabulary, std::string_view text) {
  std::map<TokenPair, std::size_t> ranks;
  for (std::size_t rank = 0; rank < vocabulary.merges().size(); ++rank) {
    Merge const& merge = vocabulary.merges()[rank];
    ranks[{merge.left, merge.right}] = rank;
  }
  Ids ids;
  for (CodePointCursor cursor(text); !cursor.done();) {
    std::size_t const start = cursor.offset();
    cursor.next();
    std::string_view const character = text.substr(start, cursor.offset() - start);
    if (auto const id = vocabulary.find(character)) {
      ids.push_back(*id);
    } else if (vocabulary.has_byte_tokens()) {
      for (char const byte : character)
        ids.push_back(vocabulary.byte_token(static_cast<std::uint8_t>(byte)));
    } else {
      ids.push_back(vocabulary.unknown());
    }
  }
  for (;;) {
    std::size_t best = ranks.size();
    std::size_t best_place = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      auto const found = ranks.find({ids[i], ids[i + 1]});
      if (found == ranks.end() || found->second >= best) continue;
      best = found->second;
      best_place = i;
    }
    if (best == ranks.size()) return ids;
    ids[best_place] = vocabulary.merges()[best].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_place) + 1);
  }
}

class RandomCases {
 public:
  explicit RandomCases(unsigned seed) : random_(seed) {}

  [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }

  [[nodiscard]] std::u32string text(std::size_t length) {
    std::u32string text;
    while (text.size() < length) text += alphabet_[below(alphabet_.size())];
    return text;
  }

  /// Some code points are tokens, some n-grams, some of their splits are merges, of any rank.
  [[nodiscard]] Vocabulary vocabulary() {
    std::set<std::u32string> spellings;
    for (char32_t const letter : alphabet_)
      if (below(8) != 0) spellings.insert(std::u32string(1, letter));
    for (std::size_t i = below(40); i > 0; --i) spellings.insert(text(2 + below(4)));
    std::vector<Token> tokens = {{"<unk>", TokenKind::special}};
    for (auto const& spelling : spellings) tokens.push_back({to_utf8(spelling)});
    if (below(2) == 0) add_bytes(tokens);
    Vocabulary const without_merges(tokens, {});
    std::vector<TokenPair> merges;
    for (auto const& spelling : spellings) {
      for (std::size_t cut = 1; cut < spelling.size(); ++cut) {
        auto const left = without_merges.find(to_utf8(spelling.substr(0, cut)));
        auto const right = without_merges.find(to_utf8(spelling.substr(cut)));
        if (left && right && below(8) != 0) merges.push_back({*left, *right});
      }
    }
    std::shuffle(merges.begin(), merges.end(), random_);
    return Vocabulary(tokens, merges);
  }

 private:
  std::u32string alphabet_ = U"abcдщ字😀";
  std::mt19937 random_;
};

/// "a", "aa", "aaaa", ... up to `longest`, and their merges.
Vocabulary powers_of_a(std::size_t longest) {
  std::vector<Token> tokens = {{"a"}};
  std::vector<TokenPair> merges;
  for (std::size_t length = 2; length <= longest; length *= 2) {
    auto const half = static_cast<TokenId>(tokens.size() - 1);
    tokens.push_back({std::string(length, 'a')});
    merges.push_back({half, half});
  }
  return Vocabulary(tokens, merges);
}

Vocabulary with_special_tokens() {
  std::vector<Token> tokens = {{"<s>", TokenKind::special},
                               {"<s>>", TokenKind::special},
                               {"ж!", TokenKind::special},
                               {"<"},
                               {"s"},
                               {">"},
                               {"s>"},
                               {"<unused_7>", TokenKind::reserved}};
  add_bytes(tokens);
  return Vocabulary(tokens, std::vector<TokenPair>{{4, 5}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(encodes_as_defined_on_random_vocabularies) {
  RandomCases cases(1);
  for (int i = 0; i < 400; ++i) {
    Vocabulary const vocabulary = cases.vocabulary();
    BpeTokenizer const tokenizer(vocabulary);
    for (int j = 0; j < 10; ++j) {
      std::string const text = to_utf8(cases.text(cases.below(80)));
      Ids const ids = tokenizer.encode(text);
      BOOST_TEST_REQUIRE(ids == encode_by_definition(vocabulary, text),
                         boost::test_tools::per_element());
      if (vocabulary.has_byte_tokens()) BOOST_TEST_REQUIRE(tokenizer.decode(ids) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(chunks_of_any_size_give_the_same_tokens) {
  RandomCases cases(2);
  for (int i = 0; i < 200; ++i) {
    BpeTokenizer const tokenizer(cases.vocabulary());
    std::string const text = to_utf8(cases.text(60));
    StreamingEncoder encoder = tokenizer.streaming_encoder();
    for (int repeat = 0; repeat < 2;
         ++repeat) {  // the second text begins where the first was finished
      Ids ids;
      for (std::size_t offset = 0; offset < text.size();) {
        std::size_t const size = cases.below(6);
        encoder.push(std::string_view(text).substr(offset, size), ids);
        offset += size;
      }
      encoder.finish(ids);
      BOOST_TEST_REQUIRE(ids == tokenizer.encode(text), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_code_point_round_trips_through_bytes) {
  std::vector<Token> tokens;
  add_bytes(tokens);
  BpeTokenizer const tokenizer{Vocabulary(tokens, {})};
  std::string text;
  for (char32_t code_point = 0; code_point <= max_code_point; code_point += 7)
    if (code_point < 0xD800 || code_point > 0xDFFF) append_utf8(text, code_point);
  Ids const ids = tokenizer.encode(text);
  BOOST_TEST(ids.size() == text.size());
  BOOST_TEST((tokenizer.decode(ids) == text));
}

BOOST_AUTO_TEST_CASE(text_that_cannot_be_cut_is_merged_in_time_n_log_n) {
  Vocabulary const vocabulary = powers_of_a(1024);
  BpeTokenizer const tokenizer(vocabulary);
  for (std::size_t const length : {1U, 2U, 3U, 700U, 1023U, 1024U, 1025U})
    BOOST_TEST(tokenizer.encode(std::string(length, 'a')) ==
                   encode_by_definition(vocabulary, std::string(length, 'a')),
               boost::test_tools::per_element());
  Ids const ids =
      tokenizer.encode(std::string((1U << 20) + 5, 'a'));  // quadratic time would be days
  Ids expected(1024, 10);
  expected.insert(expected.end(), {2, 0});
  BOOST_TEST(ids == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unknown_code_points_are_not_fused) {
  std::vector<Token> const tokens = {{"<unk>", TokenKind::special}, {"a"}};
  BpeTokenizer const tokenizer{Vocabulary(tokens, {})};
  BOOST_TEST((tokenizer.encode("aжжa") == Ids{1, 0, 0, 1}));
  BpeTokenizer const without{Vocabulary(std::vector<Token>{{"a"}}, {})};
  BOOST_CHECK_EXCEPTION((void)without.encode("ж"), ValueError, says("<unk>"));
}

BOOST_AUTO_TEST_CASE(special_tokens_are_text_unless_asked_for) {
  BpeTokenizer const tokenizer(with_special_tokens());
  BOOST_TEST((tokenizer.encode("<s>") == Ids{3, 6}));
  BOOST_TEST((tokenizer.encode("<s>", SpecialTokens::as_tokens) == Ids{0}));
  BOOST_TEST((tokenizer.encode("s<s>s>", SpecialTokens::as_tokens) == Ids{4, 0, 6}));
  BOOST_TEST((tokenizer.encode("<<s>>>s", SpecialTokens::as_tokens) == Ids{3, 1, 5, 4}),
             "the longest");
  BOOST_TEST((tokenizer.encode("ж!<s", SpecialTokens::as_tokens) == Ids{2, 3, 4}));
  BOOST_TEST((tokenizer.encode("<unused_7>", SpecialTokens::as_tokens).size() == 10U),
             "reserved tokens are not found");
  BOOST_TEST(tokenizer.encode("", SpecialTokens::as_tokens).empty());
}

BOOST_AUTO_TEST_CASE(decoding_inverts_encoding_with_special_tokens) {
  BpeTokenizer const tokenizer(with_special_tokens());
  std::string const text = "<s>ж!!ж<s>>s>";
  BOOST_TEST(tokenizer.decode(tokenizer.encode(text, SpecialTokens::as_tokens)) == text);
  BOOST_TEST(tokenizer.decode(Ids{7, 0}) == "<unused_7><s>");
  BOOST_CHECK_EXCEPTION((void)tokenizer.decode(Ids{0, 9999}), ValueError, says("got 9999"));
}

BOOST_AUTO_TEST_CASE(invalid_text_is_refused_with_its_offset) {
  BpeTokenizer const tokenizer(with_special_tokens());
  BOOST_CHECK_EXCEPTION((void)tokenizer.encode("ss\xFF", SpecialTokens::as_text, "a.txt"),
                        FileError, says("a.txt", "offset 2"));
  BOOST_CHECK_EXCEPTION((void)tokenizer.encode("s\xE2\x82"), FileError,
                        says("offset 1", "ends inside"));
  BOOST_CHECK_EXCEPTION((void)tokenizer.encode("s<s>s\xC3<s>", SpecialTokens::as_tokens), FileError,
                        says("offset 5"));
  BOOST_CHECK_EXCEPTION((void)tokenizer.encode("<s>s\xFF", SpecialTokens::as_tokens), FileError,
                        says("offset 4"));

  Ids ids;
  StreamingEncoder encoder = tokenizer.streaming_encoder("stream");
  encoder.push("s\xE2", ids);
  encoder.push("\x82", ids);
  BOOST_CHECK_EXCEPTION(encoder.push("s", ids), FileError,
                        says("stream", "offset 1", "broken off"));
  StreamingEncoder second = tokenizer.streaming_encoder("stream");
  second.push("s\xE2\x82", ids);
  second.push("\xACs", ids);
  BOOST_CHECK_EXCEPTION(second.push("s\xFF", ids), FileError, says("offset 6"));
}

BOOST_AUTO_TEST_CASE(one_tokenizer_serves_several_threads) {
  RandomCases cases(3);
  BpeTokenizer const tokenizer(cases.vocabulary());
  std::string const text = to_utf8(cases.text(5000));
  Ids const expected = tokenizer.encode(text);
  std::vector<Ids> results(4);
  std::vector<std::thread> threads;
  for (Ids& result : results)
    threads.emplace_back([&, copy = tokenizer] { result = copy.encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (Ids const& result : results) BOOST_TEST((result == expected));
}

BOOST_AUTO_TEST_SUITE_END()
