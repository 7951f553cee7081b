#include <accrete/data/token_shard.hpp>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <accrete/data/token_shard_writer.hpp>
#include <accrete/io/atomic_file.hpp>

#include "support/error_text.hpp"
#include "support/failing_file_calls.hpp"
#include "support/mutants.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using accrete_test::says;
using accrete_test::ScratchFolder;

BOOST_AUTO_TEST_SUITE(token_shard)

namespace {

using Ids = std::vector<TokenId>;

void write(std::filesystem::path const& path, Index vocabulary_size, Ids const& ids,
           std::string_view fingerprint = "abc") {
  TokenShardWriter writer(path, vocabulary_size, fingerprint);
  writer.append(ids);
  writer.commit();
}

Ids read_all(TokenShard const& shard) {
  Ids ids(static_cast<std::size_t>(shard.size()));
  shard.read(0, ids);
  return ids;
}

std::string content_of(std::filesystem::path const& path) {
  return read_file(path, 1 << 20);
}

/// The shard of `ids` with some bytes replaced, opened and read.
auto changed(ScratchFolder const& folder, std::size_t offset, std::string_view bytes) {
  write(folder / "good", 300, {1, 2, 299});
  std::string content = content_of(folder / "good");
  content.replace(offset, bytes.size(), bytes);
  write_file_atomically(folder / "bad", content);
  return [path = folder / "bad"] { return read_all(TokenShard(path)); };
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_survive_writing_and_reading_in_two_and_four_bytes) {
  ScratchFolder const folder;
  Ids ids(10'000);
  std::iota(ids.begin(), ids.end(), 0);
  for (Index const size : {Index{10'000}, Index{65'536}, Index{65'537}, Index{1} << 31}) {
    ids.back() = static_cast<TokenId>(size - 1);
    write(folder / "shard", size, ids, "f00d");
    TokenShard const shard(folder / "shard");
    BOOST_TEST(shard.size() == 10'000);
    BOOST_TEST(shard.vocabulary_size() == size);
    BOOST_TEST(shard.fingerprint() == "f00d");
    BOOST_TEST((read_all(shard) == ids));
    BOOST_TEST(std::filesystem::file_size(folder / "shard") ==
               32U + 8U + 10'000U * (size <= 65'536 ? 2U : 4U) + 8U);
  }
}

BOOST_AUTO_TEST_CASE(any_part_can_be_read) {
  ScratchFolder const folder;
  write(folder / "shard", 100, {10, 11, 12, 13});
  TokenShard const shard(folder / "shard");
  Ids two(2);
  shard.read(2, two);
  BOOST_TEST((two == Ids{12, 13}));
  shard.read(4, {});
  BOOST_CHECK_EXCEPTION(shard.read(3, two), ValueError, says("among 4", "2 from 3"));
  BOOST_CHECK_EXCEPTION(shard.read(-1, two), ValueError, says("from -1"));
  BOOST_CHECK_EXCEPTION(shard.read(5, {}), ValueError, says("from 5"));
}

BOOST_AUTO_TEST_CASE(the_format_is_as_documented) {
  using namespace std::literals;
  ScratchFolder const folder;
  write(folder / "shard", 300, {1, 299}, "xyz");
  std::string const expected =
      "accrtoks"
      "\1\0\0\0"            // version
      "\2\0\0\0"            // bytes per id
      "\x2c\1\0\0\0\0\0\0"  // V
      "\3\0\0\0\0\0\0\0"    // length of the fingerprint
      "xyz\0\0\0\0\0"       // padded
      "\1\0\x2b\1"          // ids
      "\2\0\0\0\0\0\0\0"s;  // count
  BOOST_TEST(content_of(folder / "shard") == expected);
}

BOOST_AUTO_TEST_CASE(an_empty_shard_is_a_shard) {
  ScratchFolder const folder;
  write(folder / "shard", 1, {}, "");
  BOOST_TEST(TokenShard(folder / "shard").size() == 0);
}

BOOST_AUTO_TEST_CASE(nothing_appears_before_commit) {
  ScratchFolder const folder;
  {
    TokenShardWriter writer(folder / "shard", 10);
    writer.append(Ids{1, 2});
    BOOST_CHECK_EXCEPTION(writer.append(Ids{3, 10}), ValueError, says("below 10, got 10"));
    BOOST_CHECK_EXCEPTION(writer.append(Ids{-1}), ValueError, says("got -1"));
    BOOST_TEST(writer.size() == 2);
  }
  BOOST_TEST(folder.names().empty());
  BOOST_CHECK_EXCEPTION(TokenShardWriter(folder / "shard", 0), ValueError, says("got 0"));
  BOOST_CHECK_EXCEPTION(TokenShardWriter(folder / "shard", (Index{1} << 31) + 1), ValueError,
                        says("2^31"));
  BOOST_CHECK_EXCEPTION(TokenShardWriter(folder / "shard", 9, std::string(257, 'f')), ValueError,
                        says("257 bytes"));
  BOOST_CHECK_EXCEPTION(TokenShardWriter(folder / "shard", 9, "\xFF"), ValueError, says("UTF-8"));
  BOOST_TEST(folder.names().empty());
}

BOOST_AUTO_TEST_CASE(each_wrong_field_is_named_with_its_offset) {
  using namespace std::literals;
  struct Change {
    std::size_t place;
    std::string bytes;
    std::uint64_t offset;  // that the error names
    std::string reason;
  };
  constexpr std::size_t ids = 32 + 8;
  Change const changes[] = {
      {0, "X", 0, "not a token shard"},
      {7, "S", 0, "not a token shard"},
      {0, "\0\0\0\0\0\0\0\0"s, 0, "not a token shard"},
      {8, "\2", 8, "version 1, got 2"},
      {8, "\0"s, 8, "version 1, got 0"},
      {8, "\0\0\0\1"s, 8, "version 1, got 16777216"},
      {8, "\xff\xff\xff\xff", 8, "version 1, got 4294967295"},
      {12, "\4", 12, "2 bytes per id, got 4"},
      {12, "\0"s, 12, "2 bytes per id, got 0"},
      {12, "\1", 12, "2 bytes per id, got 1"},
      {12, "\2\0\0\x80"s, 12, "2 bytes per id, got 2147483650"},
      {16, "\0\0"s, 16, "got 0"},
      {16, "\1\0\1"s, 12, "4 bytes per id, got 2"},
      {19, "\x80\1"s, 16, "2^31"},
      {16, "\1\0\0\x80"s, 16, "2^31 tokens, got 2147483649"},
      {23, "\x80", 16, "2^31"},
      {16, "\xff\xff\xff\xff\xff\xff\xff\xff", 16, "got 18446744073709551615"},
      {24, "\xff\xff\xff\xff", 24, "4294967295"},
      {24, "\1\1", 24, "at most 256 bytes, got 257"},
      {24, "\x50", 54, ""},
      {28, "\1", 28, "zeros"},
      {31, "\x80", 28, "zeros"},
      {32, "\xff", 32, "UTF-8"},
      {34, "\xc3", 32, "UTF-8"},
      {35, "\1", 35, "zeros up to"},
      {39, "\x80", 39, "zeros up to"},
      {ids + 2, "\x2c\1", 42, "below 300, got 300"},
      {ids + 4, "\xff\xff", 44, "below 300, got 65535"},
      {ids + 6, "\4", 46, "6 bytes, got 4"},
      {ids + 6, "\0"s, 46, "6 bytes, got 0"},
      {ids + 13, "\x80", 46, "6 bytes"},
  };
  static_assert(std::size(changes) >= 24);
  ScratchFolder const folder;
  for (Change const& change : changes) {
    BOOST_TEST_CONTEXT("byte " << change.place << ": " << change.reason) {
      BOOST_CHECK_EXCEPTION(changed(folder, change.place, change.bytes)(), FileError,
                            [&](FileError const& error) {
                              BOOST_TEST(error.offset() == change.offset);
                              return says("bad: offset ", change.reason)(error);
                            });
    }
  }
  BOOST_CHECK_EXCEPTION(TokenShard(folder / "none"), FileError, says("none"));
  BOOST_CHECK_EXCEPTION(TokenShard(folder.path()), FileError, says("folder"));
}

BOOST_AUTO_TEST_CASE(every_truncation_is_found) {
  ScratchFolder const folder;
  write(folder / "good", 300, {1, 2, 299});
  std::string const content = content_of(folder / "good");
  for (std::size_t size = 0; size < content.size(); ++size) {
    write_file_atomically(folder / "bad", content.substr(0, size));
    BOOST_CHECK_THROW(TokenShard(folder / "bad"), FileError);
  }
}

BOOST_AUTO_TEST_CASE(a_file_cut_while_it_is_open_gives_an_error) {
  ScratchFolder const folder;
  write(folder / "shard", 300, Ids(5000, 7));
  TokenShard const shard(folder / "shard");
  std::filesystem::resize_file(folder / "shard", 4000);
  BOOST_CHECK_EXCEPTION(read_all(shard), FileError, says("shard"));
}

BOOST_AUTO_TEST_CASE(a_file_cut_while_it_is_read_gives_an_error) {
  ScratchFolder const folder;
  write(folder / "whole", 300, Ids(100'000, 7));
  std::uint64_t const bytes = std::filesystem::file_size(folder / "whole");
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    std::filesystem::copy_file(folder / "whole", folder / "cut",
                               std::filesystem::copy_options::overwrite_existing);
    TokenShard const shard(folder / "cut");
    std::uint64_t const end = random() % (bytes - 10);
    std::thread cutter([&] { std::filesystem::resize_file(folder / "cut", end); });
    bool cut = false;
    for (int pass = 0; !cut && pass < 10'000; ++pass) {
      try {
        BOOST_REQUIRE(read_all(shard) == Ids(100'000, 7));
      } catch (FileError const& error) {
        cut = true;
        BOOST_TEST(says("cut: offset")(error));
      }
    }
    cutter.join();
    BOOST_TEST(cut);
    BOOST_CHECK_THROW(read_all(TokenShard(folder / "cut")), FileError);
  }
}

BOOST_AUTO_TEST_CASE(damaged_shards_give_errors_or_tokens_below_v) {
  ScratchFolder const folder;
  write(folder / "good", 300, {1, 2, 299, 4, 5});
  std::string const content = content_of(folder / "good");
  accrete_test::Mutants mutants(1);
  for (int i = 0; i < accrete_test::mutant_count(); ++i) {
    std::ofstream(folder / "bad", std::ios::binary) << mutants.mutate(content);
    try {
      TokenShard const shard(folder / "bad");
      for (TokenId const id : read_all(shard)) BOOST_TEST(id < shard.vocabulary_size());
    } catch (FileError const&) {
    }
  }
}

BOOST_AUTO_TEST_CASE(a_failing_call_leaves_the_old_shard) {
  using accrete_test::FailingFileCalls;
  ScratchFolder const folder;
  write(folder / "shard", 10, {1});
  int calls = 0;
  {
    FailingFileCalls const counting;
    write(folder / "copy", 10, {2});
    calls = FailingFileCalls::calls();
  }
  BOOST_TEST(calls > 3);
  for (int k = 0; k < calls; ++k) {
    bool failed = false;
    {
      FailingFileCalls const failing(k, accrete_test::FileFault::no_space);
      try {
        write(folder / "shard", 10, {2});
      } catch (FileError const&) {
        failed = true;
      }
    }
    Ids const ids = read_all(TokenShard(folder / "shard"));
    BOOST_TEST((ids == Ids{1} || ids == Ids{2}));
    if (!failed) BOOST_TEST((ids == Ids{2}));
    write(folder / "shard", 10, {1});
  }
}

BOOST_AUTO_TEST_SUITE_END()
