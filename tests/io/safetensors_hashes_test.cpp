#include <accrete/io/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/changed_bits.hpp>
#include <support/error_text.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(safetensors_hashes)

namespace {

using accrete::DType;
using accrete::FileError;
using accrete::SafetensorsReader;
using accrete::SafetensorsWriter;
using accrete::ValueError;
using accrete::Verify;
using accrete_test::ChangedBit;
using accrete_test::put_file;
using accrete_test::says;
using accrete_test::ScratchFolder;

std::filesystem::path write_example(ScratchFolder const& folder, bool with_hashes = true) {
  SafetensorsWriter writer;
  writer.declare("weight", DType::f32, {2, 3});
  writer.declare("none", DType::f16, {0, 3});
  writer.declare("ids", DType::i32, {2});
  writer.set_metadata({{"about", "says \"accrete_sha256\":\""}, {"zebra", "z"}});
  if (with_hashes) writer.add_hashes();
  writer.open(folder / "f");
  writer.write("weight", std::vector<float>{1, 2});
  writer.write("weight", std::vector<float>{3, 4, 5, 6});
  writer.write("ids", std::vector<std::int32_t>{-1, 7});
  writer.commit();
  return folder / "f";
}

/// Opens the file and reads all of it, some as what it is and some as something else.
void load(std::filesystem::path const& path, Verify verify = Verify::yes) {
  SafetensorsReader const reader(path, verify);
  reader.require_hashes();
  static_cast<void>(reader.read_vector<float>("weight"));
  static_cast<void>(reader.read_vector<double>("ids"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_single_changed_bit_is_found) {
  ScratchFolder const folder;
  auto const path = write_example(folder);
  BOOST_CHECK_NO_THROW(load(path));
  std::string const content = accrete::read_file(path, 10'000);
  for (std::size_t byte = 0; byte < content.size(); ++byte)
    for (unsigned bit = 0; bit < 8; ++bit) {
      ChangedBit const change(path, byte, bit);
      BOOST_CHECK_THROW(load(path), FileError);
    }
}

BOOST_AUTO_TEST_CASE(they_are_what_the_format_says) {
  ScratchFolder const folder;
  auto const path = write_example(folder);
  std::string content = accrete::read_file(path, 10'000);
  std::size_t const at = content.find(R"(,"accrete_sha256":")") + 19;
  std::string const value = content.substr(at, content.find('"', at) - at);
  SafetensorsReader const reader(path);
  std::string const data = content.substr(content.size() - 32);
  std::string const expected = " " + accrete::sha256_hex(std::string_view(data).substr(0, 24)) +
                               " " + accrete::sha256_hex(std::string_view()) + " " +
                               accrete::sha256_hex(std::string_view(data).substr(24));
  BOOST_TEST(value.substr(64) == expected);
  content.replace(at, 64, 64, '0').resize(content.size() - 32);
  BOOST_TEST(value.substr(0, 64) == accrete::sha256_hex(content));
  BOOST_TEST(!reader.metadata().contains("accrete_sha256"));
  BOOST_TEST(reader.metadata().at("zebra") == "z");
  BOOST_TEST(accrete::to_hex(*reader.stated_digest(reader.at("ids"))) == value.substr(3 * 65));
  BOOST_TEST((reader.digest_of(reader.at("ids")) == *reader.stated_digest(reader.at("ids"))));
}

BOOST_AUTO_TEST_CASE(what_differs_is_named_with_its_place_and_what_to_do) {
  ScratchFolder const folder;
  auto const path = write_example(folder);
  std::string content = accrete::read_file(path, 10'000);
  content.back() ^= 1;
  put_file(path, content);
  BOOST_CHECK_EXCEPTION(load(path), FileError, [&](FileError const& error) {
    BOOST_TEST(error.offset() == content.size() - 8);
    return says("tensor \"ids\" does not have the SHA-256 that was saved with it",
                "older file")(error);
  });
  BOOST_CHECK_THROW(SafetensorsReader(path).verify(), FileError);
  BOOST_CHECK_NO_THROW(load(path, Verify::no));
  content[30] ^= 1;  // in the metadata
  put_file(path, content);
  BOOST_CHECK_EXCEPTION(load(path), FileError,
                        says("offset 8: the header does not have the SHA-256"));
  BOOST_CHECK_NO_THROW(load(path, Verify::no));
}

BOOST_AUTO_TEST_CASE(files_of_strangers_have_none) {
  ScratchFolder const folder;
  SafetensorsReader const reader(write_example(folder, false));
  BOOST_TEST(!reader.has_hashes());
  BOOST_TEST((reader.stated_digest(reader.at("ids")) == nullptr));
  BOOST_TEST(reader.read_vector<float>("weight").back() == 6);
  BOOST_CHECK_NO_THROW(reader.verify());
  BOOST_CHECK_EXCEPTION(reader.require_hashes(), FileError, says("has lost the hashes"));
}

BOOST_AUTO_TEST_CASE(they_are_the_writer_s_own) {
  SafetensorsWriter writer;
  BOOST_CHECK_EXCEPTION(writer.set_metadata({{"accrete_sha256", "0"}}), ValueError,
                        says("written by add_hashes"));
}

BOOST_AUTO_TEST_CASE(long_tensors_are_hashed_piece_by_piece) {
  ScratchFolder const folder;
  std::vector<float> values(300'001);
  std::iota(values.begin(), values.end(), 0.0F);
  SafetensorsWriter writer;
  writer.declare("bytes", DType::u8, {3});
  writer.declare("x", DType::f32, {300'001});
  writer.add_hashes();
  writer.open(folder / "f");
  writer.write("bytes", std::vector<std::uint8_t>{1, 2, 3});
  writer.write("x", std::span(values).first(7));
  writer.write("x", std::span(values).subspan(7));
  writer.commit();
  SafetensorsReader const reader(folder / "f");
  BOOST_CHECK_NO_THROW(reader.verify());
  BOOST_TEST((reader.read_vector<float>("x") == values));
  BOOST_TEST(reader.read_vector<double>("x").back() == 300'000);
  BOOST_TEST(accrete::to_hex(reader.digest_of(reader.at("x"))) ==
             accrete::sha256_hex(std::as_bytes(std::span(values))));
}

BOOST_AUTO_TEST_SUITE_END()
