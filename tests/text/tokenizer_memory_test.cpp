#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include <accrete/text/tokenizer.hpp>

#include "support/process_costs.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(tokenizer_memory)

namespace {

/// "a", "aa", "aaaa", ... and their merges; words of the letters b to e.
Vocabulary sample() {
  std::vector<Token> tokens = {{"a"}};
  std::vector<TokenPair> merges;
  for (std::size_t length = 2; length <= 1024; length *= 2) {
    auto const half = static_cast<TokenId>(tokens.size() - 1);
    tokens.push_back({std::string(length, 'a')});
    merges.push_back({half, half});
  }
  auto const first = static_cast<TokenId>(tokens.size());
  for (std::string const spelling : {"b", "c", "d", " ", "bc", "cd", "bcd"})
    tokens.push_back({spelling});
  for (TokenPair const pair : {TokenPair{0, 1}, {1, 2}, {4, 2}})
    merges.push_back({first + pair.left, first + pair.right});
  return Vocabulary(tokens, merges);
}

}  // namespace

BOOST_AUTO_TEST_CASE(text_that_cannot_be_cut_takes_32_bytes_a_code_point) {
  if (!costs_tell) return;
  Tokenizer const tokenizer(sample());
  std::size_t const length = (std::size_t{1} << 21) + 1;  // where arrays have just grown
  std::string const text(length, 'a');
  std::size_t const taken = costs_of([&] { (void)tokenizer.encode(text); }).bytes;
  BOOST_TEST(taken <= 32 * length);
}

BOOST_AUTO_TEST_CASE(a_long_text_takes_four_times_its_size_and_16_mib) {
  if (!costs_tell) return;
  Tokenizer const tokenizer(sample());
  std::mt19937 random(1);
  std::string text;
  while (text.size() < 24 << 20) {
    char const letters[] = "bcd ";
    text += letters[random() % 4];
  }
  std::size_t const taken = costs_of([&] { (void)tokenizer.encode(text); }).bytes;
  BOOST_TEST(taken <= 4 * text.size() + (std::size_t{16} << 20));
}

BOOST_AUTO_TEST_SUITE_END()
