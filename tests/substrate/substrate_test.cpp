#include <accrete/substrate/substrate.hpp>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/io/file.hpp>
#include <accrete/io/safetensors.hpp>
#include <support/changed_bits.hpp>
#include <support/error_text.hpp>
#include <support/mutants.hpp>
#include <support/scratch_folder.hpp>

BOOST_AUTO_TEST_SUITE(substrate)

namespace {

using accrete::FileError;
using accrete::Json;
using accrete::Substrate;
using accrete::SubstrateParts;
using accrete::Token;
using accrete::TokenKind;
using accrete::TokenPair;
using accrete::Vocabulary;
using accrete_test::says;

std::vector<Token> const tokens{{"<s>", TokenKind::special}, {"a"}, {"b"}, {"ab"}, {"Ω"}};
std::vector<TokenPair> const merges{{1, 2}};
std::vector<float> const table{0.0F, 0.5F, -1.0F, 0.25F, 3.0F, 4.0F, -0.0F, 1e-7F, 7.0F, 8.0F};

Vocabulary vocabulary() {
  return Vocabulary(tokens, merges);
}

SubstrateParts parts() {
  return {.vocabulary = vocabulary(),
          .width = 2,
          .table = table,
          .provenance = Json::object({{"kind", "by hand"}})};
}

SubstrateParts with_basis() {
  SubstrateParts all = parts();
  all.basis = accrete::PcaBasis{.bit_count = 3,
                                .width = 2,
                                .mean = {0.5, 0.25, 1.0},
                                .components = {1, 0, 0, 1, 0, 0},
                                .variances = {2.5, 1.5}};
  all.ancestors = {{"0123", 2}, {"4567", 4}};
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_table_is_given_back_row_by_row) {
  Substrate const substrate = Substrate::from_table(vocabulary(), table, 2);
  BOOST_TEST(substrate.vocabulary_size() == 5);
  BOOST_TEST(substrate.width() == 2);
  BOOST_TEST(substrate.row(2)[1] == 4.0F);
  BOOST_CHECK_EXCEPTION((void)substrate.row(5), accrete::ValueError, says("below 5, got 5"));
  BOOST_CHECK_EXCEPTION((void)substrate.row(-1), accrete::ValueError, says("got -1"));
}

BOOST_AUTO_TEST_CASE(copies_share_one_table_and_no_handle_is_empty) {
  Substrate first = Substrate::from_table(vocabulary(), table, 2);
  Substrate const second = std::move(first);
  BOOST_TEST(first.table().data() == second.table().data());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_rejected) {
  auto const make = [](auto const& change) {
    SubstrateParts changed = with_basis();
    change(changed);
    return Substrate(std::move(changed));
  };
  using Parts = SubstrateParts;
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.width = 3; }), accrete::ShapeError,
                        says("5 rows of width 3", "got 10"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.width = 0; }), accrete::ShapeError, says("width 0"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.width = -2; }), accrete::ShapeError,
                        says("width -2"));
  BOOST_CHECK_EXCEPTION(
      make([](Parts& p) { p.table[7] = std::numeric_limits<float>::quiet_NaN(); }),
      accrete::ValueError, says("table[3,1]", "nan"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.provenance = Json("x"); }), accrete::ValueError,
                        says("JSON object"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.basis->width = 1; }), accrete::ShapeError,
                        says("basis of width 2"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.basis->mean.pop_back(); }), accrete::ShapeError,
                        says("mean"));
  BOOST_CHECK_EXCEPTION(
      make([](Parts& p) { p.basis->variances[0] = std::numeric_limits<double>::infinity(); }),
      accrete::ShapeError, says("finite"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.ancestors[1].vocabulary_size = 2; }),
                        accrete::ValueError, says("ascending"));
  BOOST_CHECK_EXCEPTION(make([](Parts& p) { p.ancestors[1].vocabulary_size = 6; }),
                        accrete::ValueError, says("up to 5"));
}

BOOST_AUTO_TEST_CASE(the_fingerprint_is_the_hash_of_vocabulary_width_and_table_alone) {
  accrete::Sha256 hash;
  hash.update("accrete substrate 1\n");
  vocabulary().hash_into(hash);
  hash.update(std::string_view("\2\0\0\0\0\0\0\0", 8));
  hash.update(std::as_bytes(std::span(table)));
  std::string const expected = accrete::to_hex(hash.digest());
  BOOST_TEST(Substrate(parts()).fingerprint() == expected);
  BOOST_TEST(Substrate(with_basis()).fingerprint() == expected);
  BOOST_TEST(expected == "68f71e8382bb4aa67af610bed19919d18135fbad12f7ba5d57963ad554606022");
}

BOOST_AUTO_TEST_CASE(the_fingerprint_changes_with_each_part_of_the_content) {
  auto const changed = [](auto const& change) {
    SubstrateParts other = parts();
    change(other);
    return Substrate(std::move(other));
  };
  Substrate const original(parts());
  using Parts = SubstrateParts;
  BOOST_CHECK(changed([](Parts& p) { p.provenance = Json::object(); }) == original);
  BOOST_CHECK(changed([](Parts& p) { p.table[6] = 0.0F; }) != original);  // it was -0
  BOOST_CHECK(changed([](Parts& p) { p.vocabulary = Vocabulary(tokens, {}); }) != original);
  BOOST_CHECK(changed([](Parts& p) {
                auto others = tokens;
                others[4].kind = TokenKind::reserved;
                p.vocabulary = Vocabulary(others, merges);
              }) != original);
}

BOOST_AUTO_TEST_CASE(a_file_gives_everything_back) {
  accrete_test::ScratchFolder const folder;
  for (SubstrateParts const& given : {parts(), with_basis()}) {
    Substrate const saved(given);
    saved.save(folder / "s.safetensors");
    Substrate const loaded = Substrate::load(folder / "s.safetensors");
    BOOST_TEST(loaded.fingerprint() == saved.fingerprint());
    BOOST_CHECK(loaded.vocabulary() == saved.vocabulary());
    BOOST_TEST(std::memcmp(loaded.table().data(), table.data(), sizeof(float) * table.size()) == 0);
    BOOST_CHECK(loaded.provenance() == saved.provenance());
    BOOST_CHECK(loaded.ancestors() == saved.ancestors());
    BOOST_TEST(loaded.basis().has_value() == saved.basis().has_value());
    if (saved.basis()) {
      BOOST_TEST(loaded.basis()->bit_count == 3);
      BOOST_TEST(loaded.basis()->mean == saved.basis()->mean);
      BOOST_TEST(loaded.basis()->components == saved.basis()->components);
      BOOST_TEST(loaded.basis()->variances == saved.basis()->variances);
    }
  }
}

/// All pairs and triples of 50 letters, the latter merged in two ways: more merges than the published vocabularies have.
BOOST_AUTO_TEST_CASE(a_narrow_table_of_a_large_vocabulary_is_read_back) {
  using accrete::TokenId;
  constexpr TokenId letters = 50, pairs = letters * letters;
  std::vector<Token> spelled;
  std::vector<TokenPair> merged;
  std::string const letter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX";
  for (char const a : letter) spelled.push_back({{a}});
  for (TokenId i = 0; i < pairs; ++i) {
    spelled.push_back(
        {spelled[std::size_t(i / letters)].spelling + letter[std::size_t(i % letters)]});
    merged.push_back({i / letters, i % letters});
  }
  for (TokenId i = 0; i < pairs * letters; ++i) {  // (ab)c and a(bc)
    TokenId const a = i / pairs, bc = letters + i % pairs, ab = letters + i / letters;
    spelled.push_back({spelled[std::size_t(a)].spelling + spelled[std::size_t(bc)].spelling});
    merged.push_back({ab, i % letters});
    merged.push_back({a, bc});
  }
  auto const count = spelled.size();
  Vocabulary const large(std::move(spelled), std::move(merged));
  accrete_test::ScratchFolder const folder;
  Substrate const written = Substrate::from_table(large, std::vector<float>(16 * count, 0.5f), 16);
  written.save(folder / "large");
  BOOST_TEST(Substrate::load(folder / "large").fingerprint() == written.fingerprint());
  std::string const json = accrete::to_json(large).dump();
  BOOST_TEST(accrete::vocabulary_from_json(Json::parse(json, "large")).merges().size() == 252500u);
}

BOOST_AUTO_TEST_CASE(a_changed_table_is_found_on_loading) {
  accrete_test::ScratchFolder const folder;
  Substrate(parts()).save(folder / "s.safetensors");
  std::string bytes = accrete::read_file(folder / "s.safetensors", 1 << 20);
  std::size_t const seven = bytes.find(std::string_view("\0\0\xe0\x40", 4));
  BOOST_REQUIRE(seven != std::string::npos);
  bytes[seven + 2] = '\xe1';
  std::ofstream(folder / "s.safetensors", std::ios::binary) << bytes;
  BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "s.safetensors"), FileError,
                        says("s.safetensors", "tensor \"table\" does not have the SHA-256"));
}

BOOST_AUTO_TEST_CASE(a_changed_basis_or_provenance_is_found_on_loading) {
  accrete_test::ScratchFolder const folder;
  Substrate(with_basis()).save(folder / "s.safetensors");
  std::string const bytes = accrete::read_file(folder / "s.safetensors", 1 << 20);
  for (auto const& [from, to] : {std::pair<std::string, std::string>{"by hand", "by Hand"},
                                 {"4567", "4568"},
                                 {std::string("\0\0\4\x40", 4), std::string("\0\0\5\x40", 4)}}) {
    std::string changed = bytes;
    std::size_t const place = changed.find(from);
    BOOST_REQUIRE(place != std::string::npos);
    changed.replace(place, from.size(), to);
    std::ofstream(folder / "s.safetensors", std::ios::binary | std::ios::trunc) << changed;
    BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "s.safetensors"), FileError,
                          says("s.safetensors", "does not have the SHA-256"));
  }
}

BOOST_AUTO_TEST_CASE(foreign_files_and_newer_formats_are_refused_by_name) {
  accrete_test::ScratchFolder const folder;
  auto const write = [&](std::map<std::string, std::string> metadata) {
    accrete::SafetensorsWriter writer;
    writer.set_metadata(std::move(metadata));
    writer.declare("table", accrete::DType::f64, {1});
    writer.open(folder / "f.safetensors");
    writer.write("table", std::as_bytes(std::span("1234567", 8)));
    writer.commit();
  };
  auto const check = [&](auto const&... parts) {
    BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "f.safetensors"), FileError,
                          says("f.safetensors", parts...));
  };
  write({});
  check("format accrete-substrate, got none");
  write({{"format", "pt"}});
  check("got \"pt\"");
  write({{"format", "accrete-substrate"}});
  check("no entry version");
  write({{"format", "accrete-substrate"}, {"version", "2"}});
  check("lost the hashes");
  write({{"format", "accrete-substrate"}, {"version", "3"}});
  check("version 2, got \"3\"");
  write({{"format", "accrete-substrate"}, {"version", "1"}});
  check("vocabulary");
  BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "none"), FileError, says("none"));
}

/// What a file without hashes holds, to be changed.
struct Content {
  struct Tensor {
    accrete::DType dtype;
    std::vector<accrete::Index> shape;
    std::string bytes;
  };
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;

  explicit Content(std::filesystem::path const& path) {
    accrete::SafetensorsReader const reader(path);
    metadata = reader.metadata();
    metadata["version"] = "1";
    metadata.erase("checksum");  // which would speak first
    for (auto const& tensor : reader.tensors()) {
      std::string bytes(tensor.byte_count(), '\0');
      reader.read(tensor, std::as_writable_bytes(std::span(bytes)));
      tensors[tensor.name] = {tensor.dtype, tensor.shape, std::move(bytes)};
    }
  }
  void set_vocabulary(std::string const& text) {
    tensors["vocabulary"] = {accrete::DType::u8, {static_cast<accrete::Index>(text.size())}, text};
  }
  void replace_in_vocabulary(std::string const& from, std::string const& to) {
    std::string text = tensors["vocabulary"].bytes;
    set_vocabulary(text.replace(text.find(from), from.size(), to));
  }
  void write(std::filesystem::path const& path) const {
    accrete::SafetensorsWriter writer;
    writer.set_metadata(metadata);
    for (auto const& [name, tensor] : tensors) writer.declare(name, tensor.dtype, tensor.shape);
    writer.open(path);
    for (auto const& [name, tensor] : tensors)
      writer.write(name, std::as_bytes(std::span(tensor.bytes)));
    writer.commit();
  }
};

BOOST_AUTO_TEST_CASE(whatever_is_wrong_is_named_with_its_file_and_place) {
  using accrete::DType;
  struct Wrong {
    void (*change)(Content&);
    std::string_view place;
    std::string_view reason;
  };
  using C = Content;
  Wrong const all[] = {
      {[](C& c) { c.metadata.erase("format"); }, "format", "got none"},
      {[](C& c) { c.metadata["format"] = "pt"; }, "format", "got \"pt\""},
      {[](C& c) { c.metadata.erase("version"); }, "no entry version", ""},
      {[](C& c) { c.metadata["version"] = "2"; }, "", "lost the hashes"},
      {[](C& c) { c.metadata["version"] = "02"; }, "version", "got \"02\""},
      {[](C& c) { c.metadata.erase("fingerprint"); }, "no entry fingerprint", ""},
      {[](C& c) { c.metadata["fingerprint"] = "x"; }, "fingerprint", "the file states \"x\""},
      {[](C& c) { c.metadata["checksum"] = "x"; }, "checksum", "damaged or changed"},
      {[](C& c) { c.metadata.erase("provenance"); }, "no entry provenance", ""},
      {[](C& c) { c.metadata["provenance"] = ""; }, "metadata provenance: offset 0", "a value"},
      {[](C& c) { c.metadata["provenance"] = "{\"a\""; }, "metadata provenance: offset 4", "':'"},
      {[](C& c) { c.metadata["provenance"] = "[]"; }, "provenance", "a JSON object"},
      {[](C& c) { c.metadata.erase("ancestors"); }, "no entry ancestors", ""},
      {[](C& c) { c.metadata["ancestors"] = "[,"; }, "metadata ancestors: offset 1", "a value"},
      {[](C& c) { c.metadata["ancestors"] = "{}"; }, "", "expected an array, found an object"},
      {[](C& c) { c.metadata["ancestors"] = "[1]"; }, "", "expected an object, found a number"},
      {[](C& c) { c.metadata["ancestors"] = R"([{"fingerprint":"x"}])"; }, "\"vocabulary_size\"",
       "is missing"},
      {[](C& c) { c.metadata["ancestors"] = R"([{"fingerprint":"x","vocabulary_size":1.5}])"; }, "",
       "expected an integer, found 1.5"},
      {[](C& c) { c.metadata["ancestors"] = R"([{"fingerprint":"x","vocabulary_size":6}])"; },
       "ancestors", "up to 5 tokens, got one of 6"},
      {[](C& c) { c.tensors.erase("table"); }, "tensor \"table\"", "has no"},
      {[](C& c) {
         c.tensors["table"] = {DType::f64, {5, 1}, std::string(40, '\0')};
       },
       "tensor table", "expected F32 of rank 2, got F64"},
      {[](C& c) { c.tensors["table"].shape = {10}; }, "tensor table", "rank 2, got F32 of rank 1"},
      {[](C& c) {
         c.tensors["table"].shape = {2, 5};
       },
       "table", "5 rows of width 5"},
      {[](C& c) {
         c.tensors["table"] = {DType::f32, {5, 0}, ""};
       },
       "table", "of width 0"},
      {[](C& c) { c.tensors["table"].bytes.replace(12, 4, "\xff\xff\xff\xff"); }, "table[1,1]",
       "expected a finite number"},
      {[](C& c) { c.tensors.erase("vocabulary"); }, "tensor \"vocabulary\"", "has no"},
      {[](C& c) {
         c.tensors["vocabulary"] = {DType::i8, {2}, "{}"};
       },
       "tensor vocabulary", "expected U8 of rank 1, got I8"},
      {[](C& c) { c.set_vocabulary(""); }, "tensor vocabulary: offset 0", "the end of the text"},
      {[](C& c) { c.set_vocabulary("{\"a\":}"); }, "tensor vocabulary: offset 5", "a value"},
      {[](C& c) { c.set_vocabulary(std::string(9, '[')); }, "tensor vocabulary: offset 4",
       "deeper"},
      {[](C& c) { c.set_vocabulary("{}"); }, "\"format\"", "is missing"},
      {[](C& c) { c.replace_in_vocabulary("\"b\"", "\"a\""); }, "tokens[2]", "tokens[1]"},
      {[](C& c) { c.replace_in_vocabulary("\"b\"", "7"); }, "tokens[2]", "expected a string"},
      {[](C& c) { c.replace_in_vocabulary("\"special\"", "\"byte\""); }, "tokens[0]", "an integer"},
      {[](C& c) { c.replace_in_vocabulary("[1,2]", "[1,9]"); }, "merges[0]", "below 5, got 9"},
      {[](C& c) { c.replace_in_vocabulary("[1,2]", "[1]"); }, "merges", "pairs, got 1 ids"},
      {[](C& c) { c.tensors.erase("mean"); }, "tensor \"mean\"", "has no"},
      {[](C& c) { c.tensors["components"].shape = {6}; }, "tensor components", "rank 2"},
      {[](C& c) {
         c.tensors["components"].shape = {2, 3};
       },
       "basis", "of width 2"},
      {[](C& c) {
         c.tensors["mean"] = {DType::f64, {2}, std::string(16, '\0')};
       },
       "basis", "mean"},
      {[](C& c) { c.tensors["variances"].bytes.replace(6, 2, "\xf0\x7f"); }, "basis", "finite"},
  };
  static_assert(std::size(all) >= 24);
  accrete_test::ScratchFolder const folder;
  Substrate(with_basis()).save(folder / "good");
  for (Wrong const& wrong : all) {
    BOOST_TEST_CONTEXT(wrong.place << ": " << wrong.reason) {
      Content content(folder / "good");
      wrong.change(content);
      content.write(folder / "s.safetensors");
      BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "s.safetensors"), FileError,
                            says("s.safetensors: ", wrong.place, wrong.reason));
    }
  }
}

BOOST_AUTO_TEST_CASE(any_changed_bit_is_found_on_loading) {
  accrete_test::ScratchFolder const folder;
  Substrate(with_basis()).save(folder / "s.safetensors");
  std::size_t const bits = 8 * std::filesystem::file_size(folder / "s.safetensors");
  for (std::size_t bit = 0; bit < bits; bit += 5) {
    accrete_test::ChangedBit const change(folder / "s.safetensors", bit / 8,
                                          static_cast<unsigned>(bit % 8));
    BOOST_CHECK_THROW((void)Substrate::load(folder / "s.safetensors"), FileError);
  }
  BOOST_CHECK_NO_THROW((void)Substrate::load(folder / "s.safetensors"));
}

BOOST_AUTO_TEST_CASE(files_of_version_1_have_a_checksum_in_the_place_of_hashes) {
  accrete_test::ScratchFolder const folder;
  Substrate(with_basis()).save(folder / "s.safetensors");
  accrete::SafetensorsReader const reader(folder / "s.safetensors");
  auto metadata = reader.metadata();
  metadata["version"] = "1";
  auto const write = [&] {
    accrete::SafetensorsWriter writer;
    writer.set_metadata(metadata);
    for (auto const& tensor : reader.tensors())
      writer.declare(tensor.name, tensor.dtype, tensor.shape);
    writer.open(folder / "old");
    for (auto const& tensor : reader.tensors()) {
      std::vector<std::byte> bytes(tensor.byte_count());
      reader.read(tensor, bytes);
      writer.write(tensor.name, bytes);
    }
    writer.commit();
  };
  write();
  BOOST_CHECK(Substrate::load(folder / "old") == Substrate(with_basis()));
  std::string& provenance = metadata["provenance"];
  provenance.replace(provenance.find("by hand"), 7, "by Hand");
  write();
  BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "old"), FileError,
                        says("do not fit their checksum"));
  metadata = reader.metadata();
  metadata["version"] = "1";
  metadata["fingerprint"].back() ^= 1;
  write();
  BOOST_CHECK_EXCEPTION((void)Substrate::load(folder / "old"), FileError,
                        says("damaged or changed", Substrate(with_basis()).fingerprint()));
}

BOOST_AUTO_TEST_CASE(cut_files_are_refused) {
  accrete_test::ScratchFolder const folder;
  Substrate(with_basis()).save(folder / "s.safetensors");
  std::string const bytes = accrete::read_file(folder / "s.safetensors", 1 << 20);
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    std::ofstream(folder / "cut", std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    BOOST_CHECK_THROW((void)Substrate::load(folder / "cut"), FileError);
  }
}

BOOST_AUTO_TEST_CASE(changed_files_are_refused_or_hold_the_same_content) {
  accrete_test::ScratchFolder const folder;
  Substrate const original(with_basis());
  original.save(folder / "s.safetensors");
  std::string const bytes = accrete::read_file(folder / "s.safetensors", 1 << 20);
  accrete_test::Mutants mutants(3);
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    std::ofstream(folder / "mutant", std::ios::binary | std::ios::trunc) << mutants.mutate(bytes);
    try {
      BOOST_CHECK(Substrate::load(folder / "mutant") == original);
    } catch (FileError const& error) {
      BOOST_CHECK(says("mutant")(error));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_ancestor_is_named_and_its_rows_are_there) {
  Substrate const parent(parts());
  SubstrateParts larger = parts();
  auto more = tokens;
  more.push_back({"c"});
  larger.vocabulary = Vocabulary(more, merges);
  larger.table.insert(larger.table.end(), {1.0F, 2.0F});
  Substrate const stranger(larger);
  larger.ancestors = {{parent.fingerprint(), parent.vocabulary_size()}};
  Substrate const child(larger);
  larger.table[0] = 9.0F;
  Substrate const liar(larger);

  BOOST_TEST(parent.is_ancestor_of(child));
  BOOST_TEST(!child.is_ancestor_of(parent));
  BOOST_TEST(!parent.is_ancestor_of(parent));
  BOOST_TEST(!parent.is_ancestor_of(stranger));
  BOOST_TEST(!parent.is_ancestor_of(liar));
  BOOST_TEST(child.fingerprint() == stranger.fingerprint());
}

BOOST_AUTO_TEST_SUITE_END()
