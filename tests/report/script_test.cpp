#include <accrete/report/script.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(script)

namespace {

using accrete::main_script;
using accrete::Script;
using accrete::script_of;

void check(char32_t code_point, Script expected) {
  BOOST_TEST((script_of(code_point) == expected), static_cast<std::uint32_t>(code_point)
                                                      << " is not " << name_of(expected));
}

}  // namespace

BOOST_AUTO_TEST_CASE(ranges_are_sorted_and_apart) {
  char32_t last = 0;
  for (auto const& range : accrete::detail::script_ranges) {
    BOOST_TEST((range.first > last && range.first <= range.last));
    last = range.last;
  }
}

BOOST_AUTO_TEST_CASE(letters_have_the_script_that_people_say) {
  check(U'a', Script::latin);
  check(U'ω', Script::greek);
  check(U'я', Script::cyrillic);
  check(U'ա', Script::armenian);
  check(U'א', Script::hebrew);
  check(U'ب', Script::arabic);
  check(U'अ', Script::indic);
  check(U'ก', Script::thai);
  check(U'ა', Script::georgian);
  check(U'한', Script::hangul);
  check(U'あ', Script::kana);
  check(U'中', Script::han);
  for (char32_t const other : {U' ', U'7', U'.', U'×', U'ᚠ', char32_t{0x10FFFF}})
    check(other, Script::other);
}

BOOST_AUTO_TEST_CASE(text_has_the_script_of_most_of_its_letters) {
  BOOST_TEST((main_script("the") == Script::latin));
  BOOST_TEST((main_script("αβa1234") == Script::greek));
  BOOST_TEST((main_script("12") == Script::other));
  BOOST_TEST((main_script("\xFF") == Script::other));
  BOOST_TEST((main_script("") == Script::other));
}

BOOST_AUTO_TEST_SUITE_END()
