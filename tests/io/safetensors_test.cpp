#include <accrete/io/safetensors.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>
#include <support/failing_file_calls.hpp>
#include <support/mutants.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(safetensors)

namespace {

using accrete::DType;
using accrete::FileError;
using accrete::Index;
using accrete::parse_safetensors_header;
using accrete::SafetensorsLimits;
using accrete::SafetensorsReader;
using accrete::SafetensorsWriter;
using accrete::TensorInfo;
using accrete::ValueError;
using accrete_test::FailingFileCalls;
using accrete_test::FileFault;
using accrete_test::says;
using accrete_test::ScratchFolder;

/// The 8 bytes of a length.
std::string length_bytes(std::uint64_t length) {
  std::string bytes(8, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(length & 0xFF);
    length >>= 8;
  }
  return bytes;
}

std::filesystem::path write_raw(ScratchFolder const& folder, std::string_view content) {
  std::filesystem::path path = folder / "raw.safetensors";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

/// A file with this header and so many bytes of data.
std::filesystem::path write_file(ScratchFolder const& folder, std::string_view header,
                                 std::size_t data) {
  return write_raw(folder,
                   length_bytes(header.size()) + std::string(header) + std::string(data, '\1'));
}

std::filesystem::path write_example(ScratchFolder const& folder) {
  SafetensorsWriter writer;
  writer.declare("weight", DType::f32, {2, 3});
  writer.declare("ids", DType::i64, {2});
  writer.declare("none", DType::f16, {0, 3});
  writer.declare("scalar", DType::f64, {});
  writer.declare("mask", DType::boolean, {3});
  writer.set_metadata({{"format", "pt"}, {"ключ", "a \"quoted\"\nvalue"}});
  writer.open(folder / "example.safetensors");
  writer.write("weight", std::vector<float>{1, 2});
  writer.write("weight", std::vector<float>{3, 4, 5, 6});
  writer.write("ids", std::array<std::int64_t, 2>{-1, 7});
  writer.write("scalar", std::vector<double>{0.1});
  writer.write("mask", std::array{true, false, true});
  writer.commit();
  return folder / "example.safetensors";
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_reads_back) {
  ScratchFolder const folder;
  SafetensorsReader const reader(write_example(folder));
  BOOST_TEST(reader.tensors().size() == 5U);
  TensorInfo const& weight = reader.at("weight");
  BOOST_TEST((weight.dtype == DType::f32));
  BOOST_TEST((weight.shape == std::vector<Index>{2, 3}));
  BOOST_TEST(weight.element_count() == 6U);
  BOOST_TEST(reader.read_vector<float>("weight") == (std::vector<float>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST(reader.read_vector<double>("weight") == (std::vector<double>{1, 2, 3, 4, 5, 6}));
  BOOST_TEST(reader.read_vector<int>("ids") == (std::vector{-1, 7}));
  BOOST_TEST(reader.read_vector<float>("none").empty());
  BOOST_TEST(reader.read_vector<float>("scalar") == (std::vector{0.1F}));
  BOOST_TEST(reader.read_vector<int>("mask") == (std::vector{1, 0, 1}));
  std::array<bool, 3> mask{};
  reader.read_as<bool>(reader.at("mask"), mask);
  BOOST_TEST((mask == std::array{true, false, true}));
  BOOST_TEST((reader.metadata() == std::map<std::string, std::string>{
                                       {"format", "pt"}, {"ключ", "a \"quoted\"\nvalue"}}));
  BOOST_TEST(reader.find("bias") == nullptr);
  BOOST_CHECK_EXCEPTION((void)reader.at("bias"), FileError,
                        says("example.safetensors: has no tensor \"bias\""));
}

BOOST_AUTO_TEST_CASE(the_bytes_are_those_of_the_format) {
  ScratchFolder const folder;
  SafetensorsWriter writer;
  writer.declare("a", DType::u8, {3});
  writer.declare("b", DType::f32, {1, 1});
  writer.open(folder / "f");
  writer.write("a", std::vector<std::uint8_t>{7, 8, 9});
  writer.write("b", std::vector<float>{1});
  writer.commit();
  std::string const header = R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                             R"("b":{"dtype":"F32","shape":[1,1],"data_offsets":[3,7]}})";
  std::size_t const padding = (8 - header.size() % 8) % 8;
  std::string const expected = length_bytes(header.size() + padding) + header +
                               std::string(padding, ' ') + "\x07\x08\x09" +
                               std::string("\0\0\x80\x3f", 4);
  BOOST_TEST(accrete::read_file(folder / "f", 1000) == expected);
}

BOOST_AUTO_TEST_CASE(an_empty_file_of_tensors_is_a_file) {
  ScratchFolder const folder;
  SafetensorsWriter writer;
  writer.open(folder / "f");
  writer.commit();
  BOOST_TEST(SafetensorsReader(folder / "f").tensors().empty());
  BOOST_TEST(accrete::read_file(folder / "f", 1000) == length_bytes(8) + "{}      ");
}

BOOST_AUTO_TEST_CASE(long_tensors_convert_in_chunks) {
  ScratchFolder const folder;
  constexpr std::size_t count = 70'001;
  std::vector<std::uint16_t> bf16(count);
  for (std::size_t i = 0; i < count; ++i) bf16[i] = static_cast<std::uint16_t>(0x3f80 + i % 1000);
  SafetensorsWriter writer;
  writer.declare("before", DType::u8, {1});
  writer.declare("x", DType::bf16, {static_cast<Index>(count)});
  writer.open(folder / "f");
  writer.write("before", std::vector<std::uint8_t>{1});
  writer.write("x", std::as_bytes(std::span(bf16)));
  writer.commit();
  SafetensorsReader const reader(folder / "f");
  std::vector<float> const values = reader.read_vector<float>("x");
  for (std::size_t i = 0; i < count; ++i) {
    BOOST_REQUIRE(std::bit_cast<std::uint32_t>(values[i]) == static_cast<std::uint32_t>(bf16[i])
                                                                 << 16);
  }
  std::array<std::uint16_t, 2> part{};
  reader.read_part(reader.at("x"), 2 * (count - 2), std::as_writable_bytes(std::span(part)));
  BOOST_TEST(part[1] == bf16.back());
}

BOOST_AUTO_TEST_CASE(wrong_requests_are_named) {
  ScratchFolder const folder;
  SafetensorsReader const reader(write_example(folder));
  std::vector<float> five(5);
  BOOST_CHECK_EXCEPTION(reader.read_as(reader.at("weight"), std::span(five)), FileError,
                        says("tensor \"weight\" has 6 elements, expected 5"));
  BOOST_CHECK_EXCEPTION(reader.read(reader.at("weight"), std::as_writable_bytes(std::span(five))),
                        FileError, says("tensor \"weight\" has 24 bytes, expected 20"));
  BOOST_CHECK_THROW(
      reader.read_part(reader.at("weight"), 5, std::as_writable_bytes(std::span(five))), FileError);
  BOOST_CHECK_THROW(reader.read_part(reader.at("weight"), 25, std::span<std::byte>()), FileError);
  BOOST_CHECK_EXCEPTION((void)reader.read_vector<int>("weight"), FileError,
                        says("is F32, which does not convert"));
  std::uint64_t const ids = std::filesystem::file_size(reader.path()) - 3 - 8 - 16;
  BOOST_CHECK_EXCEPTION((void)reader.read_vector<std::uint8_t>("ids"), FileError,
                        [&](FileError const& error) {
                          return error.offset() == ids &&
                                 says("element 0 of tensor \"ids\"", "outside the type")(error);
                        });
}

BOOST_AUTO_TEST_CASE(the_order_in_the_header_does_not_matter) {
  ScratchFolder const folder;
  SafetensorsReader const reader(
      write_file(folder,
                 R"({"z":{"data_offsets":[1,3],"shape":[2],"dtype":"U8"},)"
                 R"("e":{"dtype":"F32","shape":[0],"data_offsets":[1,1]},)"
                 R"("a":{"shape":[],"dtype":"I8","data_offsets":[0,1]},"__metadata__":{}} )",
                 3));
  BOOST_TEST(reader.tensors().at(0).name == "a");
  BOOST_TEST(reader.tensors().at(1).name == "e");
  BOOST_TEST(reader.tensors().at(2).name == "z");
}

BOOST_AUTO_TEST_CASE(what_the_format_allows_is_accepted) {
  ScratchFolder const folder;
  auto const opens = [&](std::string_view header, std::size_t data) {
    BOOST_CHECK_NO_THROW(SafetensorsReader(write_file(folder, header, data)));
  };
  opens("{}", 0);
  opens("{ }  \n\t", 0);
  opens(R"({"__metadata__":null})", 0);
  opens(R"({"__metadata__":{"a":"b"}})", 0);
  opens(R"({"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1);
  opens(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1);
  opens(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":{"x":[1,"y"]}}})", 1);
  opens(R"({"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})", 3);
  opens(R"({"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}})", 3);
  opens(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}})", 0);
  opens(R"({"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
}

struct BadFile {
  std::string_view header;
  std::size_t data;
  std::uint64_t offset;
  std::string_view reason;
};

constexpr BadFile bad_files[] = {
    {"", 0, 8, "does not begin with '{'"},
    {" {}", 0, 8, "does not begin with '{'"},
    {"[]", 0, 8, "does not begin with '{'"},
    {"\xff{}", 0, 8, "does not begin with '{'"},
    {"{", 0, 9, "expected a key"},
    {"{}x", 0, 10, "expected the end of the text, found 'x'"},
    {std::string_view("{}\0", 3), 0, 10, "found byte 0x00"},
    {"{\"a\":1}", 0, 13, "expected an object, found a number"},
    {"{\"a\":null}", 0, 13, "expected an object, found null"},
    {"{\"a\":{}}", 0, 9, "tensor \"a\" lacks its dtype"},
    {R"({"a":{"dtype":"U8"}})", 0, 9, "lacks its shape"},
    {R"({"a":{"dtype":"U8","shape":[1]}})", 1, 9, "lacks its data_offsets"},
    {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, 9, "lacks its dtype"},
    {R"({"a":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}})", 1, 22, "unknown dtype \"U9\""},
    {R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4, 22, "unknown dtype \"f32\""},
    {R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", 1, 22, "expected a string"},
    {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, 27,
     "\"dtype\" stands twice"},
    {R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})", 1, 39,
     "\"shape\" stands twice"},
    {R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1, 35,
     "expected an array, found a number"},
    {R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, 36,
     "expected a number, found a string"},
    {R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, 36, "expected an integer"},
    {R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, 36,
     "expected an integer of 0 to"},
    {R"({"a":{"dtype":"U8","shape":[9223372036854775808,0],"data_offsets":[0,0]}})", 0, 36,
     "an extent of"},
    {R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}})", 1, 36,
     "expected an integer"},
    {R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1, 52,
     "a rank above 8"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, 54, "less than two"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[]}})", 1, 54, "less than two"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, 54, "more than two"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":{"b":0}}})", 1, 54, "expected an array"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,-1]}})", 1, 57,
     "expected an integer of 0 to"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, 9, "ends before it begins"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, 9,
     "leaves a gap: its bytes begin at 1, expected 0"},
    {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1, 9,
     "takes 2 bytes by its shape, 1 by its"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1, 9,
     "takes 4 bytes by its shape"},
    {R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}})", 0, 9,
     "takes 4 bytes by its shape, 0 by its"},
    {R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1, 9, "has a size that cannot be"},
    {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, 9,
     "a size that cannot be"},
    {R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0, 9,
     "a size that cannot be"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 0, 61,
     "the tensors take 1 bytes, the file holds 0"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2, 62,
     "the tensors take 1 bytes, the file holds 2"},
    {"{}", 1, 10, "the tensors take 0 bytes, the file holds 1"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
     2, 61, "tensor \"a\" stands twice"},
    {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
     2, 61, "tensor \"b\" overlaps the tensor before it"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
     3, 61, "tensor \"b\" leaves a gap"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551615]}})", 1, 9,
     "takes 1 bytes by its shape"},
    {R"({"__metadata__":{"a":1}})", 0, 29, "expected a string, found a number"},
    {R"({"__metadata__":{"a":null}})", 0, 29, "expected a string, found null"},
    {R"({"__metadata__":{"a":{"b":"c"}}})", 0, 29, "expected a string, found an object"},
    {R"({"__metadata__":{"a":"b","a":"c"}})", 0, 33, "the metadata \"a\" stands twice"},
    {R"({"__metadata__":{},"__metadata__":{}})", 0, 27, "__metadata__ stands twice"},
    {R"({"__metadata__":[]})", 0, 24, "expected an object, found an array"},
    {R"({"__metadata__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, 46,
     "expected a string"},
    {"{\"a\xff\":{}}", 0, 11, "valid UTF-8"},
    {"{\"\\ud800\":{}}", 0, 10, "a surrogate stands in a pair"},
    {"{\"a\n\":{}}", 0, 11, "a control character"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})", 1, 60, "expected ',' or '}'"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},})", 1, 61, "expected a key"},
    {R"({"a":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}})", 1, 38,
     "expected a value, found ']'"},
    {R"({"a":{"dtype":null,"shape":[1],"data_offsets":[0,1]}})", 1, 22, "found null"},
    {R"({"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}})", 1, 35, "found null"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":null}})", 1, 54, "found null"},
    {R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1, 36, "found an array"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":["0","1"]}})", 1, 55, "found a string"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0.0,1]}})", 1, 55, "expected an integer"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e0]}})", 1, 57, "expected an integer"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-0,1]}})", 1, 55,
     "expected an integer of 0"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}})", 1, 57,
     "expected an integer of 0"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}})", 1, 60,
     "\"data_offsets\" stands twice"},
    {R"({"a":{"dtype":"F6_E2M3","shape":[3],"data_offsets":[0,2]}})", 2, 9,
     "a size that cannot be"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"b":{}})", 1, 60,
     "expected ',' or '}'"},
    {R"({"__metadata__":true})", 0, 24, "expected an object, found true or false"},
    {R"({"__metadata__":{"a":"b",}})", 0, 33, "expected a key"},
    {R"({"__metadata__":{"a":"\ud800"}})", 0, 30, "a surrogate stands in a pair"},
};
static_assert(std::size(bad_files) >= 64);

BOOST_AUTO_TEST_CASE(anything_off_in_the_header_is_an_error_with_its_place_in_the_file) {
  ScratchFolder const folder;
  for (BadFile const& bad : bad_files) {
    BOOST_TEST_CONTEXT(bad.header) {
      BOOST_CHECK_EXCEPTION(SafetensorsReader(write_file(folder, bad.header, bad.data)), FileError,
                            [&](FileError const& error) {
                              BOOST_TEST(error.offset() == bad.offset);
                              return says("raw.safetensors: offset ", bad.reason)(error);
                            });
    }
  }
}

BOOST_AUTO_TEST_CASE(missing_empty_cut_and_foreign_files_are_named) {
  ScratchFolder const folder;
  auto const refuses = [&](std::string_view content, auto const&... parts) {
    BOOST_CHECK_EXCEPTION(SafetensorsReader(write_raw(folder, content)), FileError,
                          says("raw.safetensors: ", parts...));
  };
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder / "none"), FileError,
                        says("none: cannot open", "No such file"));
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder.path()), FileError, says("is a folder"));
  refuses("", "is empty");
  refuses("\2\0\0", "offset 1", "ends inside the length");
  refuses(length_bytes(100) + "{}", "offset 10: the file ends inside its header of 100 bytes");
  refuses(length_bytes(100'000'001), "offset 0: a header of 100000001 bytes; at most 100000000");
  refuses(length_bytes(std::numeric_limits<std::uint64_t>::max()),
          "offset 0: a header of 18446744073709551615");
  refuses("PK\3\4 this is a zip file, or so it says", "offset 0", "no safetensors file");
  refuses("{\"json\": true}", "offset 0", "no safetensors file");
}

// The files that the reference implementation's own tests refuse, by the kind of its error.
BOOST_AUTO_TEST_CASE(what_the_reference_refuses_in_its_tests_is_refused) {
  ScratchFolder const folder;
  auto const refuses = [&](std::string const& content, auto const&... parts) {
    BOOST_CHECK_EXCEPTION(SafetensorsReader(write_raw(folder, content)), FileError,
                          says("raw.safetensors", parts...));
  };
  auto const file = [](std::string const& header, std::size_t data) {
    return length_bytes(header.size()) + header + std::string(data, '\0');
  };
  // HeaderTooSmall, HeaderTooLarge, InvalidHeaderLength
  refuses("", "is empty");
  refuses(std::string(7, '\0'), "offset 7", "inside the length of its header");
  refuses("<!DOCTYPE html><html><head>", "offset 0", "no safetensors file");
  refuses("\xff\xff\xff\xff\xff\xff\xff\xff", "offset 0", "at most 100000000");
  refuses(length_bytes(60) + "{\"test\":{\"dtype\":\"I32\"", "inside its header of 60 bytes");
  // InvalidHeaderStart, InvalidHeader (no UTF-8), InvalidHeaderDeserialization
  refuses(file("[]", 0), "offset 8", "does not begin with '{'");
  refuses(file("\n{}", 0), "offset 8", "does not begin with '{'");
  refuses(file("\xff", 0), "offset 8");
  refuses(file("{", 0), "offset 9");
  // MetadataIncompleteBuffer: bytes that no tensor has, at the end and in the midst
  refuses(file(R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}})", 16) +
              "extra_bogus_data",
          "the tensors take 16 bytes, the file holds 32");
  refuses(file(R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},)"
               R"("test2":{"dtype":"I32","shape":[2,2],"data_offsets":[16,32]}})",
               16),
          "the tensors take 32 bytes, the file holds 16");
  refuses(file(R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[4,20]}})", 20),
          "leaves a gap");
  // InvalidOffset: a thousand tensors of the same bytes
  std::string attack = "{";
  for (int i = 0; i < 1000; ++i) {
    attack += (i == 0 ? "\"weight_" : ",\"weight_") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]})";
  }
  refuses(file(attack + "}", 16), "overlaps the tensor before it");
  // TensorInvalidInfo, ValidationOverflow of the number of elements and of bytes
  refuses(file(R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,4]}})", 4),
          "16 bytes by its shape");
  refuses(file(R"({"test":{"dtype":"I32","shape":[2,18446744073709551615],"data_offsets":[0,16]}})",
               16),
          "an extent of 18446744073709551615");
  refuses(
      file(R"({"test":{"dtype":"I32","shape":[2,9223372036854775807],"data_offsets":[0,16]}})", 16),
      "a size that cannot be");
  refuses(
      file(R"({"test":{"dtype":"I32","shape":[2,4611686018427387904],"data_offsets":[0,16]}})", 16),
      "a size that cannot be");
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_file_is_an_error) {
  ScratchFolder const folder;
  std::string const whole = accrete::read_file(write_example(folder), 10'000);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    BOOST_CHECK_THROW(SafetensorsReader(write_raw(folder, whole.substr(0, size))), FileError);
  }
  BOOST_CHECK_NO_THROW(SafetensorsReader(write_raw(folder, whole)));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_after_it_was_opened_is_an_error) {
  ScratchFolder const folder;
  std::filesystem::path const path = write_example(folder);
  SafetensorsReader const reader(path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  BOOST_CHECK_NO_THROW((void)reader.read_vector<float>("weight"));
  BOOST_CHECK_EXCEPTION((void)reader.read_vector<int>("mask"), FileError,
                        says("the file ends here, 1 bytes too early"));
}

// The file is not mapped, so that no cut can be a signal.
BOOST_AUTO_TEST_CASE(a_file_that_is_cut_while_it_is_read_is_an_error) {
  constexpr std::size_t count = 50'000;
  ScratchFolder const folder;
  SafetensorsWriter writer;
  for (std::string const name : {"a", "b", "c"})
    writer.declare(name, DType::i32, {static_cast<Index>(count)});
  writer.add_hashes();
  writer.open(folder / "whole");
  for (std::string const name : {"a", "b", "c"}) writer.write(name, std::vector(count, 7));
  writer.commit();
  std::uint64_t const bytes = std::filesystem::file_size(folder / "whole");
  std::mt19937_64 random(1);
  int while_reading = 0;
  for (int round = 0; round < 100; ++round) {
    std::filesystem::copy_file(folder / "whole", folder / "cut",
                               std::filesystem::copy_options::overwrite_existing);
    std::uint64_t const end = random() % bytes;
    std::atomic<bool> reads = false;
    std::thread cutter([&] {
      while (!reads) std::this_thread::yield();
      std::filesystem::resize_file(folder / "cut", end);
    });
    bool cut = false;
    reads = round % 2 == 0;  // the header, too, in every other round
    try {
      SafetensorsReader const reader(folder / "cut");
      reads = true;
      for (int pass = 0; !cut && pass < 1000; ++pass)
        for (TensorInfo const& tensor : reader.tensors())
          BOOST_REQUIRE(reader.read_vector<int>(tensor.name) == std::vector(count, 7));
    } catch (FileError const& error) {
      cut = true;
      BOOST_TEST(says("cut: ")(error));
      ++while_reading;
    }
    cutter.join();
    BOOST_TEST(cut);
    BOOST_CHECK_THROW(SafetensorsReader(folder / "cut"), FileError);
  }
  BOOST_TEST(while_reading == 100);
}

BOOST_AUTO_TEST_CASE(numbers_of_tensors_and_metadata_are_bounded) {
  static_assert(SafetensorsLimits{}.tensors == 1'000'000 &&
                SafetensorsLimits{}.metadata_entries == 100'000);
  constexpr std::string_view header =
      R"({"__metadata__":{"a":"","b":"","c":""},"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
      R"("y":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  BOOST_CHECK_NO_THROW(
      (void)parse_safetensors_header(header, "f", 0, {.tensors = 2, .metadata_entries = 3}));
  BOOST_CHECK_EXCEPTION((void)parse_safetensors_header(header, "f", 0, {.tensors = 1}), FileError,
                        says("offset 99: more than 1 tensors"));
  BOOST_CHECK_EXCEPTION((void)parse_safetensors_header(header, "f", 0, {.metadata_entries = 2}),
                        FileError, says("more than 2 entries of metadata"));
}

BOOST_AUTO_TEST_CASE(wrong_use_of_the_writer_is_named) {
  ScratchFolder const folder;
  SafetensorsWriter writer;
  std::vector<float> const two{1, 2};
  BOOST_CHECK_EXCEPTION(writer.write("a", two), ValueError, says("before open"));
  BOOST_CHECK_EXCEPTION(writer.commit(), ValueError, says("before open"));
  writer.declare("a", DType::f32, {2});
  writer.declare("b", DType::f32, {2});
  SafetensorsWriter twice;
  for (char const* const name : {"a", "b", "a"}) twice.declare(name, DType::f32, {2});
  BOOST_CHECK_EXCEPTION(twice.open(folder / "twice"), ValueError, says("\"a\" is declared twice"));
  BOOST_CHECK_EXCEPTION(writer.declare("__metadata__", DType::f32, {2}), ValueError,
                        says("for itself"));
  BOOST_CHECK_EXCEPTION(writer.declare("\xff", DType::f32, {2}), ValueError, says("not UTF-8"));
  BOOST_CHECK_EXCEPTION(writer.declare("c", DType::f32, {-2}), ValueError,
                        says("a size that cannot be"));
  BOOST_CHECK_EXCEPTION(writer.declare("c", DType::f4, {3}), ValueError,
                        says("a size that cannot be"));
  BOOST_CHECK_EXCEPTION(writer.declare("c", DType::u8, std::vector<Index>(9, 1)), ValueError,
                        says("a rank above 8"));
  BOOST_CHECK_EXCEPTION(writer.set_metadata({{"key", "\xff"}}), ValueError,
                        says("metadata \"key\" is not UTF-8"));
  BOOST_TEST(writer.tensors().size() == 2U);
  writer.open(folder / "f");
  BOOST_CHECK_EXCEPTION(writer.declare("c", DType::f32, {2}), ValueError,
                        says("declare after open"));
  BOOST_CHECK_EXCEPTION(writer.set_metadata({}), ValueError, says("set_metadata after open"));
  BOOST_CHECK_EXCEPTION(writer.write("b", two), ValueError, says("\"a\" has got 0 of 8 bytes"));
  BOOST_CHECK_EXCEPTION(writer.write("a", std::vector<int>{1, 2}), ValueError,
                        says("declared as F32", "are I32"));
  BOOST_CHECK_EXCEPTION(writer.write("a", std::vector<float>(3)), ValueError,
                        says("more than its 8 bytes"));
  BOOST_CHECK_EXCEPTION(writer.commit(), ValueError, says("\"a\" has got 0 of 8 bytes"));
  writer.write("a", two);
  BOOST_CHECK_EXCEPTION(writer.commit(), ValueError, says("\"b\" has got 0 of 8 bytes"));
  writer.write("b", two);
  BOOST_CHECK_EXCEPTION(writer.write("a", two), ValueError,
                        says("\"a\" is not declared, or comes out of order"));
  BOOST_TEST(folder.names().size() == 1U);
  writer.commit();
  BOOST_TEST(folder.names() == std::set<std::string>{"f"});
}

BOOST_AUTO_TEST_CASE(a_writer_that_goes_away_leaves_nothing) {
  ScratchFolder const folder;
  {
    SafetensorsWriter writer;
    writer.declare("a", DType::f32, {2});
    writer.open(folder / "f");
    writer.write("a", std::vector<float>{1});
  }
  BOOST_TEST(folder.names().empty());
}

BOOST_AUTO_TEST_CASE(any_failing_call_of_the_reader_is_an_error) {
  ScratchFolder const folder;
  std::filesystem::path const path = write_example(folder);
  for (FileFault const fault :
       {FileFault::io_error, FileFault::interrupted, FileFault::short_call}) {
    int call = -1;
    bool reached = true;
    int failures = 0;
    while (reached) {
      FailingFileCalls const failing(++call, fault);
      try {
        SafetensorsReader const reader(path);
        BOOST_TEST(reader.read_vector<double>("weight") == (std::vector<double>{1, 2, 3, 4, 5, 6}));
      } catch (FileError const& error) {
        BOOST_TEST(says("example.safetensors: cannot", "Input/output error")(error));
        ++failures;
      }
      reached = call < FailingFileCalls::calls();
    }
    BOOST_TEST(call >= 7);
    BOOST_TEST(failures == (fault == FileFault::io_error ? call - 1 : 0));  // closing cannot fail
  }
}

// Headers with a few faults: each is refused with a FileError, or means tensors that cover the data.
BOOST_AUTO_TEST_CASE(mutants_are_refused_or_sound) {
  constexpr std::string_view seed =
      R"({"__metadata__":{"format":"pt","step":"12"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"n":{"dtype":"I64","shape":[],"data_offsets":[32,40]}} )";
  accrete_test::Mutants mutants(2);
  int accepted = 0;
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    std::string const header = mutants.mutate(std::string(seed));
    try {
      auto const parsed = parse_safetensors_header(header, "f", 40);
      ++accepted;
      std::uint64_t end = 0;
      for (TensorInfo const& tensor : parsed.tensors) {
        BOOST_REQUIRE(tensor.begin == end);
        end = tensor.end;
        BOOST_REQUIRE(parsed.find(tensor.name) == &tensor);
        BOOST_REQUIRE(tensor.shape.size() <= 8);
      }
      BOOST_REQUIRE(end == 40);
      std::string const again = format_safetensors_header(parsed.tensors, parsed.metadata);
      auto const reparsed = parse_safetensors_header(std::string_view(again).substr(8), "f", 40);
      BOOST_REQUIRE(reparsed.tensors.size() == parsed.tensors.size());
      BOOST_REQUIRE(reparsed.metadata == parsed.metadata);
    } catch (FileError const& error) {
      BOOST_REQUIRE(error.offset() <= header.size() + 8 + 40);
    }
  }
  BOOST_TEST(accepted > 50);
  BOOST_TEST(accepted < accrete_test::mutant_count() / 40 * 39);
}

BOOST_AUTO_TEST_SUITE_END()
