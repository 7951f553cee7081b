#include <boost/test/unit_test.hpp>

#include <accrete/io/json_difference.hpp>

using namespace accrete;

BOOST_AUTO_TEST_SUITE(json_differences)

namespace {

std::string between(char const* a, char const* b) {
  return json_difference(Json::parse(a, "a"), Json::parse(b, "b"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(first_difference_has_a_path) {
  BOOST_TEST(between(R"({"a":[1,{"b":2}]})", R"({"a":[1,{"b":3}]})") == "a[1].b");
  BOOST_TEST(between(R"({"a":{"b":2}})", R"({"a":{"c":2}})") == "a.b");
  BOOST_TEST(between(R"({"a":1})", R"({"a":1,"c":{}})") == "c");
  BOOST_TEST(between(R"({"a":[1,2]})", R"({"a":[1]})") == "a[1]");
  BOOST_TEST(between(R"({"a":1})", R"({"a":1.0})") == "a");
}

BOOST_AUTO_TEST_CASE(equal_values_have_none) {
  BOOST_TEST(between(R"({"a":1,"b":[]})", R"({"b":[],"a":1})") == "");
  BOOST_TEST(between("1", "2") == "");  // the whole is called as it is named by the caller
}

BOOST_AUTO_TEST_SUITE_END()
