// README.md shows the first example word for word, so that what it shows compiles.
#include <boost/test/unit_test.hpp>

#include "support/shown_parts.hpp"

BOOST_AUTO_TEST_SUITE(readme)

BOOST_AUTO_TEST_CASE(first_example_stands_in_it_word_for_word) {
  std::string const readme = accrete_test::text_of("README.md");
  std::string const example = accrete_test::text_of("examples/01_first_expert.cpp");
  BOOST_TEST(!example.empty());
  BOOST_TEST(readme.find("```cpp\n" + example + "```") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
