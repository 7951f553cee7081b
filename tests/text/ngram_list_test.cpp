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

BOOST_AUTO_TEST_CASE(syntax_errors_have_an_offset) {
  BOOST_CHECK_EXCEPTION(parse(""), FileError, says("list.txt", "offset 0", "expected ["));
  BOOST_CHECK_EXCEPTION(parse("[{]"), FileError, says("offset 2", "a string"));
  BOOST_CHECK_EXCEPTION(parse("[] x"), FileError, says("offset 3", "the end"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang' 'en'}]"), FileError, says("offset 9", "expected :"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'en}]"), FileError, says("offset 10", "without an end"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\nn'}]"), FileError, says("offset 12", "line break"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\xFF'}]"), FileError, says("offset 12", "UTF-8"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\q'}]"), FileError, says("offset 12", "escape"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\u12"), FileError, says("offset 12", "escape"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\x-1'}]"), FileError, says("offset 12", "escape"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\ud800'}]"), FileError,
                        says("offset 12", "no character"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\U00110000'}]"), FileError,
                        says("offset 12", "no character"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'e\\"), FileError, says("offset 12", "escape"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('th' 5)]}")), FileError, says("expected ,"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('th', 99999999999999999999)]}")), FileError,
                        says("beyond 64 bits"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('th', 5.5)]}")), FileError, says("expected )"));
  BOOST_CHECK_EXCEPTION(parse(one("{'2': []}")), FileError, says("an integer"));
}

BOOST_AUTO_TEST_CASE(content_that_cannot_be_right_is_refused) {
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('the', 5)]}")), FileError,
                        says("offset 57", "2 code points"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('ab', 5), ('cd', 6)]}")), FileError, says("do not fall"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [('ab', -5)]}")), FileError, says("do not fall"));
  BOOST_CHECK_EXCEPTION(parse(one("{2: [], 2: []}")), FileError, says("each once, got 2"));
  BOOST_CHECK_EXCEPTION(parse(one("{0: []}")), FileError, says("got 0"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'en', 'lang': 'fr'}]"), FileError,
                        says("offset 16", "got lang"));
  BOOST_CHECK_EXCEPTION(parse("[{'language': 'en'}]"), FileError, says("got language"));
  BOOST_CHECK_EXCEPTION(parse("[{'lang': 'en', 'top_ngrams': {}}]"), FileError,
                        says("language_name is missing"));
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
  for (int i = 0; i < 2000; ++i) {
    try {
      BOOST_TEST(parse(mutants.mutate(sample)).size() < 10U);
    } catch (FileError const&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
