#include <accrete/io/json_number.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(json_number)

namespace {

using accrete::detail::append_json_number;
using accrete::detail::json_number_to_double;
using accrete::detail::scan_json_number;

std::string text_of(auto value) {
  std::string text;
  append_json_number(text, value);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_grammar_is_that_of_rfc_8259) {
  for (std::string_view const text :
       {"0", "-0", "7", "10", "-12", "123456789012345678901234567890"}) {
    auto const scan = scan_json_number(text);
    BOOST_TEST(scan.error == "");
    BOOST_TEST(scan.is_integer);
    BOOST_TEST(scan.length == text.size());
  }
  for (std::string_view const text : {"0.5", "-0.0", "1e5", "1E+5", "12.50e-07", "0e0"}) {
    auto const scan = scan_json_number(text);
    BOOST_TEST(scan.error == "");
    BOOST_TEST(!scan.is_integer);
    BOOST_TEST(scan.length == text.size());
  }
  for (std::string_view const text : {"", "-", "+1", ".5", "01", "-01", "00", "1.", "1.e5", "1e",
                                      "1e+", "-.5", "e5", "Infinity", "NaN", "-Infinity"}) {
    BOOST_TEST(scan_json_number(text).error != "", text);
  }
}

BOOST_AUTO_TEST_CASE(a_number_ends_where_it_cannot_go_on) {
  for (std::string_view const text : {"1,", "1]", "1 2", "1-2", "1.5.5", "1e5e5", "12x", "0x10"}) {
    auto const scan = scan_json_number(text);
    BOOST_TEST(scan.error == "");
    BOOST_TEST(scan.length < text.size());
  }
}

BOOST_AUTO_TEST_CASE(doubles_are_the_nearest) {
  BOOST_TEST(json_number_to_double("0.1").value() == 0.1);
  BOOST_TEST(json_number_to_double("9007199254740993").value() ==
             9007199254740992.0);  // a tie, to even
  BOOST_TEST(json_number_to_double("9007199254740993.0000000000000000000000001").value() ==
             9007199254740994.0);
  BOOST_TEST(json_number_to_double("1.7976931348623157e308").value() ==
             std::numeric_limits<double>::max());
  BOOST_TEST(json_number_to_double("4.9406564584124654e-324").value() ==
             std::numeric_limits<double>::denorm_min());
  BOOST_TEST(json_number_to_double(std::string(400, '9') + "e-400").value() == 1.0);
}

BOOST_AUTO_TEST_CASE(too_small_is_zero_and_too_large_is_nothing) {
  for (std::string_view const text :
       {"1e-400", "0.0e99999999999999999999", "0e999999999", "1e-99999999999999999999",
        "0.00000000000000000001e-320", "0"}) {
    BOOST_TEST(json_number_to_double(text).value() == 0.0, text);
  }
  BOOST_TEST(std::signbit(json_number_to_double("-1e-400").value()));
  BOOST_TEST(json_number_to_double("0." + std::string(400, '0') + "1e401").value() == 1.0);
  BOOST_TEST(json_number_to_double("0." + std::string(400, '0') + "1").value() == 0.0);
  for (std::string_view const text :
       {"1e309", "-1e309", "1.8e308", "1e99999999999999999999", "123e400"}) {
    BOOST_TEST(!json_number_to_double(text).has_value(), text);
  }
  for (std::string const exponent :
       {"4611686018427387904", "9223372036854775806", "9223372036854775807", "9223372036854775808",
        "18446744073709551616"}) {
    BOOST_TEST(!json_number_to_double("1e" + exponent).has_value(), exponent);
    BOOST_TEST(!json_number_to_double("-12.5e+" + exponent).has_value(), exponent);
    BOOST_TEST(json_number_to_double("1e-" + exponent).value() == 0.0, exponent);
    BOOST_TEST(json_number_to_double("0.001e-" + exponent).value() == 0.0, exponent);
  }
  BOOST_TEST(!json_number_to_double(std::string(400, '9')).has_value());
  BOOST_TEST(!json_number_to_double("0." + std::string(400, '0') + "1e800").has_value());
}

BOOST_AUTO_TEST_CASE(a_double_is_written_so_that_it_reads_back_and_stays_a_double) {
  BOOST_TEST(text_of(1.0) == "1.0");
  BOOST_TEST(text_of(-0.0) == "-0.0");
  BOOST_TEST(text_of(0.1) == "0.1");
  BOOST_TEST(text_of(1e300) == "1e+300");
  BOOST_TEST(text_of(5e-324) == "5e-324");
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    auto const value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string const text = text_of(value);
    auto const scan = scan_json_number(text);
    BOOST_REQUIRE(scan.error.empty() && scan.length == text.size() && !scan.is_integer);
    BOOST_REQUIRE(std::bit_cast<std::uint64_t>(json_number_to_double(text).value()) ==
                  std::bit_cast<std::uint64_t>(value));
  }
}

BOOST_AUTO_TEST_CASE(integers_are_written_whole) {
  BOOST_TEST(text_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  BOOST_TEST(text_of(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
}

BOOST_AUTO_TEST_SUITE_END()
