#include <accrete/text/ngram_list.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/error_text.hpp"
#include "support/mutants.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(ngram_list)

namespace {

std::string const sample =
    R"([{'lang': 'en', 'language_name': 'English',
         'top_ngrams': {2: [('th', 34), ("'s", 30)], 3: [('the', 2)]}},
        {'top_ngrams': {2: [('\u200cж', 3), ('\\\'', 3), ('\x41\U0001F600', 0),]},
         'language_name': '', 'lang': 'fa'}])";

std::vector<LanguageNgrams> parse(std::string_view text) {
  return parse_ngram_list(text, "list.txt");
}

std::string one(std::string_view ngrams) {
  return std::string("[{'lang': 'x', 'language_name': 'X', 'top_ngrams': ") + std::string(ngrams) +
         "}]";
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_list_is_read_whole) {
  std::vector<LanguageNgrams> const languages = parse(sample);
  BOOST_TEST_REQUIRE(languages.size() == 2U);
  BOOST_TEST(languages[0].language == "en");
  BOOST_TEST(languages[0].language_name == "English");
  BOOST_TEST((languages[0].by_length.at(2) == std::vector<std::string>{"th", "'s"}));
  BOOST_TEST((languages[0].by_length.at(3) == std::vector<std::string>{"the"}));
  BOOST_TEST(languages[1].language == "fa");
  BOOST_TEST((languages[1].by_length.at(2) == std::vector<std::string>{"\u200cж", "\\'", "A😀"}));
  BOOST_TEST(parse(" [ ] ").empty());
}

BOOST_AUTO_TEST_CASE(whatever_is_wrong_is_named_with_its_offset) {
  struct BadList {
    std::string text;
    std::uint64_t offset;
    std::string_view reason;
  };
  BadList const lists[] = {
      {"", 0, "expected ["},
      {"{}", 0, "expected ["},
      {"[", 1, "expected {"},
      {"[{", 2, "expected a string"},
      {"[{]", 2, "expected a string"},
      {"[] x", 3, "the end of the file"},
      {"[][]", 2, "the end of the file"},
      {"[,]", 1, "expected {"},
      {"[{'lang' 'en'}]", 9, "expected :"},
      {"[{'lang': en}]", 10, "expected a string"},
      {"[{'lang': 'en}]", 10, "a string without an end"},
      {"[{'lang': 'en\"}]", 10, "a string without an end"},
      {"[{'lang': 'e\nn'}]", 12, "a line break"},
      {"[{'lang': 'e\xFF'}]", 12, "UTF-8"},
      {"[{'lang': 'e\xED\xA0\x80'}]", 12, ""},
      {"[{'lang': 'e\\q'}]", 12, "an unknown escape"},
      {"[{'lang': 'e\\u12", 12, "an unknown escape"},
      {"[{'lang': 'e\\x-1'}]", 12, "an unknown escape"},
      {"[{'lang': 'e\\", 12, "an unknown escape"},
      {"[{'lang': 'e\\ud800'}]", 12, "no character"},
      {"[{'lang': 'e\\U00110000'}]", 12, "no character"},
      {"[{'lang': 'en', 'lang': 'fr'}]", 16, "each once, got lang"},
      {"[{'language': 'en'}]", 2, "got language"},
      {"[{'lang': 'en', 'top_ngrams': {}}]", 1, "language_name is missing"},
      {"[{}]", 1, "is missing"},
      {one("[]"), 51, "expected {"},
      {one("{'2': []}"), 52, "expected an integer"},
      {one("{2: ('th', 5)}"), 55, "expected ["},
      {one("{2: ['th']}"), 56, "expected ("},
      {one("{2: [('th' 5)]}"), 62, "expected ,"},
      {one("{2: [('th', 5.5)]}"), 64, "expected )"},
      {one("{2: [('th', 99999999999999999999)]}"), 63, "beyond 64 bits"},
      {one("{2: [('th', )]}"), 63, "expected an integer"},
      {one("{2: [('th', 5) ('he', 4)]}"), 66, "expected ]"},
      {one("{2: [('the', 5)]}"), 57, "2 code points"},
      {one("{2: [('', 5)]}"), 57, "2 code points"},
      {one("{2: [('ab', 5), ('cd', 6)]}"), 68, "do not fall"},
      {one("{2: [('ab', -5)]}"), 57, "do not fall"},
      {one("{2: [], 2: []}"), 59, "each once, got 2"},
      {one("{0: []}"), 52, "got 0"},
      {one("{-1: []}"), 52, "got -1"},
  };
  static_assert(std::size(lists) >= 24);
  for (BadList const& list : lists) {
    BOOST_TEST_CONTEXT(list.text) {
      BOOST_CHECK_EXCEPTION(parse(list.text), FileError, [&](FileError const& error) {
        BOOST_TEST(error.offset() == list.offset);
        return says("list.txt: offset ", list.reason)(error);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(files_are_read_with_their_path_in_errors) {
  accrete_test::ScratchFolder const folder;
  write_file_atomically(folder / "list.txt", sample);
  BOOST_TEST(read_ngram_list(folder / "list.txt").size() == 2U);
  BOOST_CHECK_EXCEPTION((void)read_ngram_list(folder / "none.txt"), FileError, says("none.txt"));
  write_file_atomically(folder / "bad.txt", "[1]");
  BOOST_CHECK_EXCEPTION((void)read_ngram_list(folder / "bad.txt"), FileError,
                        says("bad.txt", "offset 1"));
}

BOOST_AUTO_TEST_CASE(damaged_lists_give_errors_or_lists) {
  accrete_test::Mutants mutants(1);
  int refused = 0;
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    try {
      BOOST_TEST(parse(mutants.mutate(sample)).size() < 10U);
    } catch (FileError const&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
