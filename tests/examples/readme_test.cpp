// README.md shows the first example word for word, so that what it shows compiles.
#include <boost/test/unit_test.hpp>

#include <filesystem>

#include <accrete/io/file.hpp>

BOOST_AUTO_TEST_SUITE(readme)

namespace {

std::string text_of(char const* name) {
  return accrete::read_file(std::filesystem::path(ACCRETE_SOURCE_DIR) / name, 1 << 20);
}

}  // namespace

BOOST_AUTO_TEST_CASE(first_example_stands_in_it_word_for_word) {
  std::string const readme = text_of("README.md");
  std::string const example = text_of("examples/01_first_expert.cpp");
  BOOST_TEST(!example.empty());
  BOOST_TEST(readme.find("```cpp\n" + example + "```") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
