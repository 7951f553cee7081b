#include <accrete/text/published_vocabulary.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <accrete/io/json.hpp>
#include <accrete/text/bpe_tokenizer.hpp>

#include "support/scratch_folder.hpp"

using namespace accrete;

BOOST_AUTO_TEST_SUITE(published_vocabulary)

namespace {

/// The folder of the published n-gram lists, which are not part of this project, if it is there.
std::optional<std::filesystem::path> published_lists() {
  char const* const shared = std::getenv("ACCRETE_SHARED");
  std::filesystem::path const folder =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(ACCRETE_SOURCE_DIR) / "../shared") /
      "data/bvv";
  if (std::filesystem::exists(folder / "n-gramms-2-3.txt")) return folder;
  BOOST_TEST_MESSAGE("skipped: no published n-gram lists in " << folder);
  return std::nullopt;
}

/// Lines of a text as a JSON string, a tab, and the ids.
void check_golden(Vocabulary const& vocabulary, std::string const& name) {
  BpeTokenizer const tokenizer(vocabulary);
  std::ifstream file(ACCRETE_SOURCE_DIR "/tests/golden/" + name);
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    std::size_t const tab = line.find('\t');
    std::string const text = Json::parse(line.substr(0, tab), name).as_string();
    std::vector<TokenId> expected;
    std::istringstream numbers(line.substr(tab + 1));
    for (TokenId id = 0; numbers >> id;) expected.push_back(id);
    std::vector<TokenId> const ids = tokenizer.encode(text, SpecialTokens::as_tokens);
    BOOST_TEST(ids == expected, boost::test_tools::per_element());
    bool const has_unknown = std::find(ids.begin(), ids.end(), vocabulary.unknown()) != ids.end();
    if (!has_unknown) BOOST_TEST(tokenizer.decode(ids) == text);
  }
  BOOST_TEST(lines == 120);
}

std::size_t count(Vocabulary const& vocabulary, TokenKind kind) {
  std::size_t count = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.kind(id) == kind) ++count;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(bvv241_2_3_has_the_published_ids) {
  auto const lists = published_lists();
  if (!lists) return;
  detail::NgramSet pool;
  detail::add_most_frequent(*lists / "n-gramms-2-3.txt", 338, pool);
  BOOST_TEST(pool.size() == 8177U);
  Vocabulary const vocabulary = build_bvv241_2_3(*lists / "n-gramms-2-3.txt");
  BOOST_TEST(vocabulary.size() == 65536);
  BOOST_TEST(vocabulary.merges().size() == 12224U);
  BOOST_TEST(count(vocabulary, TokenKind::text) == 65520U - 256);
  BOOST_TEST(vocabulary.pad() == 57344);
  check_golden(vocabulary, "bvv241_2-3_tokens.tsv");
}

BOOST_AUTO_TEST_CASE(bvv241_max_has_the_published_ids) {
  auto const lists = published_lists();
  if (!lists) return;
  detail::NgramSet pool;
  detail::add_most_frequent(*lists / "n-gramms-2-3-4-5.txt", 906, pool);
  detail::add_shortest_lines(*lists / "n-gramms-intersection.txt", 65536, pool);
  BOOST_TEST(pool.size() == 73768U);
  Vocabulary const vocabulary =
      build_bvv241_max(*lists / "n-gramms-2-3-4-5.txt", *lists / "n-gramms-intersection.txt");
  BOOST_TEST(vocabulary.size() == 131072);
  BOOST_TEST(vocabulary.merges().size() == 182678U);
  BOOST_TEST(count(vocabulary, TokenKind::text) == 131070U - 256);
  check_golden(vocabulary, "bvv241_max_tokens.tsv");
}

BOOST_AUTO_TEST_CASE(ids_and_merges_follow_the_published_rule) {
  accrete_test::ScratchFolder const folder;
  write_file_atomically(
      folder / "list.txt",
      "[{'lang': 'a', 'language_name': 'A', 'top_ngrams': {2: [('bc', 9), ('ab', 8)], "
      "3: [('abc', 7), ('xyz', 1)], 1: [('q', 3)]}}]");
  Vocabulary const vocabulary = build_bvv241_2_3(folder / "list.txt");
  BOOST_TEST(vocabulary.token(0x61) == "a");
  BOOST_TEST(vocabulary.token(0xD7FF) == "\xED\x9F\xBF");
  BOOST_TEST(vocabulary.token(0xFFFE) == "\xEF\xBF\xBE");
  BOOST_TEST(vocabulary.token(0xD800) == "abc");
  BOOST_TEST(vocabulary.token(0xD801) == "xyz");
  BOOST_TEST(vocabulary.token(0xD802) == "ab");
  BOOST_TEST(vocabulary.token(0xD803) == "bc");
  BOOST_TEST(vocabulary.token(0xD804) == "<unused_55300>");
  BOOST_TEST(vocabulary.token(0xE000) == "<pad>");
  BOOST_TEST(vocabulary.token(0xE0FF) == "<special_token_57599>");
  BOOST_TEST((vocabulary.kind(0xE0FF) == TokenKind::reserved));
  BOOST_TEST((vocabulary.kind(0xFFFF) == TokenKind::reserved));
  std::vector<Merge> const merges(vocabulary.merges().begin(), vocabulary.merges().end());
  BOOST_TEST(
      (merges ==
       std::vector<Merge>{
           {'a', 0xD803, 0xD800}, {0xD802, 'c', 0xD800}, {'a', 'b', 0xD802}, {'b', 'c', 0xD803}}));
}

BOOST_AUTO_TEST_SUITE_END()
