#include <accrete/io/json_reader.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>

BOOST_AUTO_TEST_SUITE(json_reader)

namespace {

using accrete::FileError;
using accrete::JsonKind;
using accrete::JsonReader;
using accrete_test::says;

JsonReader reader(std::string_view text) {
  return JsonReader(text, "file.json");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_is_read_as_its_documentation_says) {
  JsonReader json = reader(R"( {"name": "grow", "steps": 400, "stages": [3, 3, 3], "rate": 3e-4,
                                "note": {"by": [null, true, "x", 1.5]}, "resume": false, "parent": null} )");
  std::string name;
  int steps = 0;
  std::vector<int> stages;
  double rate = 0;
  bool resume = true;
  json.begin_object();
  while (auto const key = json.next_key()) {
    if (*key == "name") {
      name = json.read_string();
    } else if (*key == "steps") {
      steps = json.read_integer<int>();
    } else if (*key == "stages") {
      json.begin_array();
      while (json.next_element()) stages.push_back(json.read_integer<int>());
    } else if (*key == "rate") {
      rate = std::get<double>(json.read_number());
    } else if (*key == "resume") {
      resume = json.read_bool();
    } else if (json.peek() == JsonKind::null) {
      json.read_null();
    } else {
      json.skip_value();
    }
  }
  json.end_of_text();
  BOOST_TEST(name == "grow");
  BOOST_TEST(steps == 400);
  BOOST_TEST(stages == (std::vector<int>{3, 3, 3}));
  BOOST_TEST(rate == 3e-4);
  BOOST_TEST(!resume);
}

BOOST_AUTO_TEST_CASE(kinds_are_told_by_the_first_character) {
  BOOST_TEST((reader(" null").peek() == JsonKind::null));
  BOOST_TEST((reader("\ttrue").peek() == JsonKind::boolean));
  BOOST_TEST((reader("\nfalse").peek() == JsonKind::boolean));
  BOOST_TEST((reader("\r-1").peek() == JsonKind::number));
  BOOST_TEST((reader("0").peek() == JsonKind::number));
  BOOST_TEST((reader("\"\"").peek() == JsonKind::string));
  BOOST_TEST((reader("[]").peek() == JsonKind::array));
  BOOST_TEST((reader("{}").peek() == JsonKind::object));
}

BOOST_AUTO_TEST_CASE(an_integer_is_exact_or_refused) {
  BOOST_TEST(reader("-9223372036854775808").read_integer<std::int64_t>() ==
             std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(reader("18446744073709551615").read_integer<std::uint64_t>() ==
             std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(reader("-128").read_integer<std::int8_t>() == -128);
  BOOST_CHECK_EXCEPTION((void)reader(" 128").read_integer<std::int8_t>(), FileError,
                        says("file.json: offset 1: expected an integer of -128 to 127, found 128"));
  BOOST_CHECK_EXCEPTION((void)reader("-1").read_integer<std::uint64_t>(), FileError,
                        says("expected an integer of 0 to 18446744073709551615, found -1"));
  BOOST_CHECK_EXCEPTION((void)reader("1.0").read_integer<int>(), FileError,
                        says("offset 0", "a fraction"));
  BOOST_CHECK_EXCEPTION((void)reader("1e3").read_integer<int>(), FileError, says("an exponent"));
}

BOOST_AUTO_TEST_CASE(a_number_beyond_int64_becomes_a_double) {
  BOOST_TEST(std::get<std::int64_t>(reader("9223372036854775807").read_number()) ==
             std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(std::get<double>(reader("9223372036854775808").read_number()) == 0x1p63);
  BOOST_TEST(std::get<double>(reader("1.0").read_number()) == 1.0);
  BOOST_TEST(std::get<double>(reader("-0").read_number()) == 0.0);
  BOOST_CHECK_EXCEPTION((void)reader("[1e309]").skip_value(), FileError,
                        says("offset 1", "larger than a double"));
}

BOOST_AUTO_TEST_CASE(another_kind_is_an_error_with_both_names) {
  BOOST_CHECK_EXCEPTION((void)reader(" {}").read_string(), FileError,
                        says("file.json: offset 1: expected a string, found an object"));
  BOOST_CHECK_EXCEPTION(reader("3").begin_array(), FileError,
                        says("expected an array, found a number"));
  BOOST_CHECK_EXCEPTION(reader("\"a\"").begin_object(), FileError,
                        says("expected an object, found a string"));
  BOOST_CHECK_EXCEPTION((void)reader("null").read_bool(), FileError,
                        says("expected true or false, found null"));
  BOOST_CHECK_EXCEPTION(reader("[]").read_null(), FileError, says("expected null, found an array"));
  BOOST_CHECK_EXCEPTION((void)reader("true").read_number(), FileError,
                        says("expected a number, found true or false"));
}

BOOST_AUTO_TEST_CASE(offsets_count_from_where_the_text_stands_in_its_file) {
  JsonReader json(R"({"a": 1, "b": x})", "f", JsonReader::default_max_depth, 8);
  json.begin_object();
  (void)json.next_key();
  BOOST_TEST(json.key_offset() == 9U);
  BOOST_TEST(json.offset() == 14U);
  json.skip_value();
  (void)json.next_key();
  BOOST_TEST(json.key_offset() == 17U);
  BOOST_CHECK_EXCEPTION((void)json.peek(), FileError, [](FileError const& error) {
    return error.path() == "f" && error.offset() == 22;
  });
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  BOOST_CHECK_NO_THROW(reader(std::string(64, '[') + std::string(64, ']')).skip_value());
  std::string const deep(100'000, '[');
  BOOST_CHECK_EXCEPTION(reader(deep).skip_value(), FileError,
                        says("offset 64", "nested deeper than 64 levels"));
  JsonReader shallow("[[1]]", "f", 1);
  BOOST_CHECK_EXCEPTION(shallow.skip_value(), FileError, says("offset 1", "deeper than 1"));
}

BOOST_AUTO_TEST_CASE(a_value_that_is_not_read_is_noticed) {
  JsonReader json = reader("[1, 2]");
  json.begin_array();
  BOOST_TEST(json.next_element());
  BOOST_CHECK_THROW((void)json.next_element(), FileError);
}

BOOST_AUTO_TEST_SUITE_END()
