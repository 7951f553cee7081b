#include <boost/test/unit_test.hpp>

#include <array>

#include <accrete/core/name_table.hpp>
#include <accrete/core/nearest_name.hpp>

#include "support/error_text.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(nearest_name_of)

BOOST_AUTO_TEST_CASE(distances_count_letters_to_insert_delete_and_replace) {
  BOOST_TEST(edit_distance("", "") == 0U);
  BOOST_TEST(edit_distance("blocks", "") == 6U);
  BOOST_TEST(edit_distance("", "blocks") == 6U);
  BOOST_TEST(edit_distance("bloks", "blocks") == 1U);
  BOOST_TEST(edit_distance("kitten", "sitting") == 3U);
  BOOST_TEST(edit_distance("start", "strat") == 2U);
}

BOOST_AUTO_TEST_CASE(first_of_equally_near_names_is_chosen) {
  std::array<std::string_view, 3> const known{"steps", "tokens", "plateau"};
  BOOST_TEST(nearest_name("step", known) == "steps");
  BOOST_TEST(nearest_name("token", known) == "tokens");
  BOOST_TEST(nearest_name("plato", known) == "plateau");
  BOOST_TEST(nearest_name("xy", std::array<std::string_view, 2>{"ab", "cd"}) == "ab");
  BOOST_TEST(nearest_name("any", std::array<std::string_view, 0>{}) == "");
}

BOOST_AUTO_TEST_CASE(tables_of_names_go_both_ways) {
  enum class Fruit { apple, pear };
  NameTable<Fruit, 2> const names{{{{Fruit::apple, "apple"}, {Fruit::pear, "pear"}}}};
  BOOST_TEST(names.name_of(Fruit::pear) == "pear");
  BOOST_TEST((names.at("apple") == Fruit::apple));
  BOOST_TEST(!names.find("peach").has_value());
  BOOST_CHECK_EXCEPTION(static_cast<void>(names.at("peach")), ValueError,
                        says("expected apple or pear, got peach"));
}

BOOST_AUTO_TEST_SUITE_END()
