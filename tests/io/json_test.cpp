#include <accrete/io/json.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/mutants.hpp>

BOOST_AUTO_TEST_SUITE(json)

namespace {

using accrete::FileError;
using accrete::Json;
using accrete::JsonLimits;
using accrete::JsonObject;
using accrete::ValueError;
using accrete_test::says;

static_assert(sizeof(Json) == 16);
static_assert(std::is_nothrow_move_constructible_v<Json>);
static_assert(!std::is_constructible_v<Json, void*> && !std::is_constructible_v<Json, char>);
static_assert(std::ranges::input_range<JsonObject>);

Json parse(std::string_view text) {
  return Json::parse(text, "file.json");
}

constexpr std::string_view rich_text =
    R"({"name":"en-ru","steps":400,"rate":0.25,"stages":[3,3,3],"zero":-0.0,"big":-9223372036854775808,)"
    R"("empty":[{},[],""],"text":"é漢😀\n\"\\\u0001","none":null,"yes":true,"deep":[[[{"a":[false]}]]]})";

}  // namespace

BOOST_AUTO_TEST_CASE(values_keep_what_they_are_made_of) {
  BOOST_TEST(Json().is_null());
  BOOST_TEST(Json(true).as_bool());
  BOOST_TEST(Json(7).as_int() == 7);
  BOOST_TEST(Json(7U).as_int() == 7);
  BOOST_TEST(Json(std::int8_t{-7}).as_int() == -7);
  BOOST_TEST(Json(0.5F).as_double() == 0.5);
  BOOST_TEST(Json("text").as_string() == "text");
  BOOST_TEST(Json(std::string("text")).as_string() == "text");
  BOOST_TEST(Json(std::string_view("text")).as_string() == "text");
  BOOST_TEST(Json(3).is_int());
  BOOST_TEST(!Json(3).is_double());
  BOOST_TEST(Json(3.0).is_double());
  BOOST_TEST(Json(3).as_double() == 3.0);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_written_is_refused_when_it_is_made) {
  BOOST_CHECK_EXCEPTION((void)Json(std::nan("")), ValueError, says("nan"));
  BOOST_CHECK_EXCEPTION((void)Json(-INFINITY), ValueError, says("-inf"));
  BOOST_CHECK_EXCEPTION((void)Json(std::numeric_limits<std::uint64_t>::max()), ValueError,
                        says("18446744073709551615"));
  BOOST_CHECK_EXCEPTION((void)Json("ab\xff"), ValueError, says("byte 2", "UTF-8"));
  Json object = Json::object();
  BOOST_CHECK_EXCEPTION((void)object["\xff"], ValueError, says("byte 0"));
  BOOST_TEST(object.size() == 0U);
}

BOOST_AUTO_TEST_CASE(objects_keep_the_order_of_insertion) {
  Json json = Json::object({{"z", 1}, {"a", 2}});
  json["m"] = 3;
  json["z"] = 4;
  BOOST_TEST(json.dump() == R"({"z":4,"a":2,"m":3})");
  std::string keys;
  std::int64_t sum = 0;
  for (auto const& [key, value] : json.as_object()) {
    keys += key;
    sum += value.as_int();
  }
  BOOST_TEST(keys == "zam");
  BOOST_TEST(sum == 9);
  BOOST_TEST(json.size() == 3U);
  BOOST_TEST(json.contains("a"));
  BOOST_TEST(json.find("b") == nullptr);
  BOOST_CHECK_EXCEPTION((void)json.at("b"), ValueError, says("the key \"b\" is missing"));
}

BOOST_AUTO_TEST_CASE(arrays_grow_and_check_positions) {
  Json json = Json::array({1, "two", nullptr});
  json.push_back(Json::array(std::vector<double>{1, 2.5}));
  json[1] = Json::array(std::array{true, false});
  BOOST_TEST(json.dump() == "[1,[true,false],null,[1.0,2.5]]");
  BOOST_TEST(json.at(3).at(1).as_double() == 2.5);
  BOOST_CHECK_EXCEPTION((void)json.at(4), ValueError, says("position 4 in an array of 4"));
  BOOST_CHECK_EXCEPTION((void)json[-1], ValueError, says("position -1"));
  BOOST_TEST(Json::array(std::vector<bool>{true}).dump() == "[true]");
}

BOOST_AUTO_TEST_CASE(another_kind_is_an_error_with_both_names) {
  Json json = 5;
  BOOST_CHECK_EXCEPTION((void)json.as_string(), ValueError,
                        says("expected a string, found a number"));
  BOOST_CHECK_EXCEPTION((void)json["key"], ValueError, says("expected an object, found a number"));
  BOOST_CHECK_EXCEPTION(json.push_back(1), ValueError, says("expected an array, found a number"));
  BOOST_CHECK_EXCEPTION((void)json.size(), ValueError, says("expected an object"));
  BOOST_CHECK_EXCEPTION((void)Json("x").as_int(), ValueError,
                        says("expected an integer, found a string"));
  BOOST_CHECK_EXCEPTION((void)Json(1.5).as_int(), ValueError,
                        says("expected an integer, found 1.5"));
  BOOST_CHECK_EXCEPTION((void)Json(nullptr).as_double(), ValueError,
                        says("expected a number, found null"));
  BOOST_CHECK_EXCEPTION((void)Json(0).as_bool(), ValueError,
                        says("expected true or false, found a number"));
}

BOOST_AUTO_TEST_CASE(copies_are_apart_and_moves_leave_null) {
  Json a = parse(rich_text);
  Json b = a;
  b["stages"].push_back(9);
  b["name"] = "other";
  BOOST_TEST(a.dump() == rich_text);
  Json c = std::move(a);
  BOOST_TEST(a.is_null());
  BOOST_TEST(c.dump() == rich_text);
  c = c["stages"];
  BOOST_TEST(c.dump() == "[3,3,3]");
  JsonObject members = b.as_object();
  members["new"] = true;
  BOOST_TEST(!b.contains("new"));
  b = members;
  BOOST_TEST(b.contains("new"));
}

BOOST_AUTO_TEST_CASE(equality_is_of_values) {
  BOOST_TEST((parse(R"({"a":1,"b":[2]})") == parse(R"({"b":[2],"a":1})")));
  BOOST_TEST((parse("[1,2]") != parse("[2,1]")));
  BOOST_TEST((parse("1") != parse("1.0")));
}

BOOST_AUTO_TEST_CASE(dump_and_parse_are_inverse) {
  BOOST_TEST(parse(rich_text).dump() == rich_text);
  for (int indent : {-1, 0, 2}) {
    Json const json = parse(parse(rich_text).dump(indent));
    BOOST_TEST(json.dump() == rich_text);
    BOOST_TEST(std::signbit(json.at("zero").as_double()));
    BOOST_TEST(json.at("big").as_int() == std::numeric_limits<std::int64_t>::min());
  }
}

BOOST_AUTO_TEST_CASE(indentation_gives_one_line_to_each_value) {
  BOOST_TEST(Json::object({{"a", Json::array({1, 2})}, {"b", Json::object()}, {"c", Json::array()}})
                 .dump(2) == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

BOOST_AUTO_TEST_CASE(all_of_rfc_8259_is_accepted) {
  for (std::string_view const text : {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "-0",
                                      "-1",
                                      "1.5",
                                      "1E2",
                                      "1e-2",
                                      "\"\"",
                                      "[]",
                                      "{}",
                                      " [ ] ",
                                      "\t{\n}\r",
                                      "[1,2]",
                                      "{\"\":0}",
                                      "[[[]]]",
                                      "{\"a\":{\"a\":{\"a\":1}}}",
                                      "\"\\u0000\"",
                                      "\"\\/\"",
                                      "[1e308,1e-400]",
                                      "{\"a\\u0000\":1,\"a\":2}",
                                      "1234567890123456789012345678901234567890"}) {
    BOOST_CHECK_NO_THROW((void)parse(text));
  }
  BOOST_TEST(parse("9223372036854775808").as_double() == 0x1p63);
}

struct BadText {
  std::string_view text;
  std::uint64_t offset;
  std::string_view reason;
};

constexpr BadText bad_texts[] = {
    {"", 0, "expected a value, found the end of the text"},
    {"  \n", 3, "expected a value, found the end of the text"},
    {"\xEF\xBB\xBF{}", 0, "expected a value, found byte 0xef"},
    {"nul", 0, "expected null"},
    {"nulL", 0, "expected null"},
    {"tru", 0, "expected true"},
    {"fals", 0, "expected false"},
    {"True", 0, "expected a value, found 'T'"},
    {"NaN", 0, "expected a value, found 'N'"},
    {"Infinity", 0, "expected a value, found 'I'"},
    {"-Infinity", 1, "expected a digit, found 'I'"},
    {"+1", 0, "expected a value, found '+'"},
    {".5", 0, "expected a value, found '.'"},
    {"01", 1, "no digit after a leading zero"},
    {"-01", 2, "no digit after a leading zero"},
    {"1.", 2, "a digit after the decimal point"},
    {"1e", 2, "a digit of the exponent"},
    {"-", 1, "expected a digit, found the end"},
    {"1e400", 0, "larger than a double"},
    {"[0x10]", 2, "expected ',' or ']', found 'x'"},
    {"1 2", 2, "expected the end of the text, found '2'"},
    {"{} x", 3, "expected the end of the text, found 'x'"},
    {"nullnull", 4, "expected the end of the text"},
    {"[1,]", 3, "expected a value, found ']'"},
    {"[,1]", 1, "expected a value, found ','"},
    {"[1,,2]", 3, "expected a value, found ','"},
    {"[1 2]", 3, "expected ',' or ']', found '2'"},
    {"[1", 2, "expected ',' or ']', found the end"},
    {"[", 1, "expected a value, found the end"},
    {"]", 0, "expected a value, found ']'"},
    {"[}", 1, "expected a value, found '}'"},
    {"[1}", 2, "expected ',' or ']', found '}'"},
    {"{", 1, "expected a key in double quotes, found the end"},
    {"{]", 1, "expected a key in double quotes, found ']'"},
    {"{,}", 1, "expected a key in double quotes, found ','"},
    {"{a:1}", 1, "expected a key in double quotes, found 'a'"},
    {"{'a':1}", 1, "expected a key in double quotes"},
    {"{1:1}", 1, "expected a key in double quotes, found '1'"},
    {"{\"a\"}", 4, "expected ':', found '}'"},
    {"{\"a\" 1}", 5, "expected ':', found '1'"},
    {"{\"a\":}", 5, "expected a value, found '}'"},
    {"{\"a\":1,}", 7, "expected a key in double quotes, found '}'"},
    {"{\"a\":1 \"b\":2}", 7, "expected ',' or '}', found '\"'"},
    {"{\"a\":1", 6, "expected ',' or '}', found the end"},
    {"{\"a\":1,\"a\":2}", 7, "the key \"a\" stands twice"},
    {"{\"a\":1,\"\\u0061\":2}", 7, "the key \"a\" stands twice"},
    {"[{\"a\":{\"b\":1,\"b\":1}}]", 13, "the key \"b\" stands twice"},
    {"\"abc", 4, "a string ends with '\"', found the end"},
    {"\"a\nb\"", 2, "a control character in a string is escaped, found byte 0x0a"},
    {"\"\\q\"", 1, "an escape is one of"},
    {"\"\\ud800\"", 1, "a surrogate stands in a pair"},
    {"{\"\\udfff\":1}", 2, "a surrogate stands in a pair"},
    {"\"\xff\"", 1, "valid UTF-8, found byte 0xff"},
    {"{\"\xc0\x80\":1}", 2, "valid UTF-8"},
    {"[\"a\"\x01]", 4, "expected ',' or ']', found byte 0x01"},
    {"// no\n1", 0, "expected a value, found '/'"},
    {"[1] /* no */", 4, "expected the end of the text"},
    {"[\x0b]", 1, "expected a value, found byte 0x0b"},
    {"\xc2\xa0[]", 0, "expected a value, found byte 0xc2"},
    {"[true false]", 6, "expected ',' or ']', found 'f'"},
    {"{\"a\":1,,}", 7, "expected a key in double quotes, found ','"},
    {"{\"a\"::1}", 5, "expected a value, found ':'"},
    {"1.e5", 2, "a digit after the decimal point"},
    {"1e+", 3, "a digit of the exponent"},
    {"--1", 1, "expected a digit, found '-'"},
    {"1.5.5", 3, "expected the end of the text, found '.'"},
    {"\"\\", 1, "an escape is one of"},
    {"\"\\u12", 1, "an escape is one of"},
    {"\"\\u12g4\"", 1, "an escape is one of"},
    {"\"\\ud800\\u0041\"", 1, "a surrogate stands in a pair"},
    {"\"\\udc00\\ud800\"", 1, "a surrogate stands in a pair"},
    {"\"\xed\xa0\x80\"", 1, "valid UTF-8, found byte 0xed"},
    {"\"\xf4\x90\x80\x80\"", 1, "valid UTF-8, found byte 0xf4"},
    {"\"a\xe2\x82\"", 2, "valid UTF-8, found byte 0xe2"},
};

static_assert(std::size(bad_texts) >= 64);

BOOST_AUTO_TEST_CASE(everything_else_is_refused_with_its_offset_and_reason) {
  for (BadText const& bad : bad_texts) {
    BOOST_TEST_CONTEXT(bad.text) {
      BOOST_CHECK_EXCEPTION((void)parse(bad.text), FileError, [&](FileError const& error) {
        BOOST_TEST(error.offset() == bad.offset);
        return says("file.json: offset ", bad.reason)(error);
      });
    }
  }
  std::string_view const with_zero("[1,\0]", 5);
  BOOST_CHECK_EXCEPTION((void)parse(with_zero), FileError,
                        says("offset 3: expected a value, found byte 0x00"));
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  BOOST_CHECK_NO_THROW((void)parse(std::string(64, '[') + std::string(64, ']')));
  BOOST_CHECK_EXCEPTION((void)parse(std::string(1'000'000, '[')), FileError,
                        says("offset 64", "deeper than 64"));
  BOOST_CHECK_THROW((void)Json::parse("[[]]", "f", {.max_depth = 1}), FileError);
}

BOOST_AUTO_TEST_CASE(long_arrays_take_no_more_than_their_elements) {
  std::string inner = "[0";
  for (int i = 1; i < 300; ++i) inner += ",0";
  inner += ']';
  std::string text = "[" + inner;
  for (int i = 1; i < 300; ++i) text += "," + inner;
  text += ']';
  Json const json = parse(text);
  BOOST_TEST(json.as_array().capacity() == 300u);
  BOOST_TEST(json.as_array().back().size() == 300u);
  BOOST_TEST(json.dump() == text);
  BOOST_CHECK_EXCEPTION((void)parse(text + "]"), FileError,
                        says("offset " + std::to_string(text.size())));
}

BOOST_AUTO_TEST_CASE(memory_is_bounded_by_the_length_of_the_text) {
  std::string empty_arrays = "[[]";
  for (int i = 0; i < 1'000; ++i) empty_arrays += ",[]";
  empty_arrays += ']';
  JsonLimits const tight{.base_memory = 10'000};
  BOOST_CHECK_EXCEPTION((void)Json::parse(empty_arrays, "f", tight), FileError,
                        says("more memory than the limits allow"));
  BOOST_CHECK_NO_THROW((void)parse(empty_arrays));
  BOOST_CHECK_NO_THROW((void)Json::parse('"' + std::string(10'000, 'a') + '"', "f", tight));
  BOOST_CHECK_THROW((void)Json::parse("[[],[],[]]", "f", {.base_memory = 0}), FileError);
}

// Texts with a few faults: each is accepted and then survives dump and parse, or is refused with a FileError.
BOOST_AUTO_TEST_CASE(mutants_are_read_alike_twice_or_refused) {
  accrete_test::Mutants mutants(1);
  int accepted = 0;
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    std::string const text = mutants.mutate(std::string(rich_text));
    try {
      Json const json = parse(text);
      BOOST_REQUIRE((parse(json.dump()) == json));
      BOOST_REQUIRE((parse(json.dump(1)) == json));
      ++accepted;
    } catch (FileError const& error) {
      BOOST_REQUIRE(error.offset() <= text.size());
    }
  }
  BOOST_TEST(accepted > 50);
  BOOST_TEST(accepted < accrete_test::mutant_count() / 40 * 39);
}

BOOST_AUTO_TEST_SUITE_END()
