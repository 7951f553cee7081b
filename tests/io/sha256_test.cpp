#include <accrete/io/sha256.hpp>

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(sha256)

namespace {

using accrete::Sha256;
using accrete::sha256_hex;
using accrete::to_hex;

std::string counting_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(published_vectors_come_out) {
  BOOST_TEST(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(sha256_hex("abc") ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  BOOST_TEST(sha256_hex(std::string(1'000'000, 'a')) ==
             "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// The hash of all 257 digests of the bytes 0, 1, 2, ... of length 0 to 256, from Python's hashlib.
BOOST_AUTO_TEST_CASE(every_length_of_the_last_block_is_padded_as_it_should) {
  Sha256 digests;
  for (std::size_t length = 0; length <= 256; ++length) {
    Sha256 one;
    one.update(counting_bytes(length));
    Sha256::Digest const digest = one.digest();
    digests.update(std::as_bytes(std::span(digest)));
  }
  BOOST_TEST(to_hex(digests.digest()) ==
             "35970715cb0d62a006d72921e886dd4ea67151affe64b55164397fe5bb5c1730");
}

BOOST_AUTO_TEST_CASE(pieces_do_not_matter) {
  std::string const bytes = counting_bytes(300);
  std::string_view const view = bytes;
  for (std::size_t first = 0; first <= 130; ++first) {
    for (std::size_t second :
         {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}}) {
      Sha256 hash;
      hash.update(view.substr(0, first));
      hash.update(view.substr(first, second));
      hash.update(view.substr(first + second));
      BOOST_TEST(to_hex(hash.digest()) == sha256_hex(bytes));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_digest_can_be_taken_on_the_way) {
  Sha256 hash;
  hash.update("a");
  BOOST_TEST(to_hex(hash.digest()) == sha256_hex("a"));
  hash.update("bc");
  BOOST_TEST(to_hex(hash.digest()) == sha256_hex("abc"));
  BOOST_TEST(to_hex(hash.digest()) == sha256_hex("abc"));
}

// Where the processor has no instructions for it, the portable loop is all there is.
BOOST_AUTO_TEST_CASE(the_processor_s_instructions_and_the_portable_loop_agree) {
#if ACCRETE_HAS_SHA_INTRINSICS
  if (!accrete::detail::has_sha_instructions()) return;
  std::mt19937 random(7);
  std::vector<std::byte> bytes(64 * 40 + 1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  for (std::size_t count = 0; count <= 40; ++count) {
    accrete::detail::Sha256State portable{}, by_instructions{};
    for (std::size_t i = 0; i < 8; ++i)
      portable[i] = by_instructions[i] = static_cast<std::uint32_t>(random());
    std::byte const* const unaligned = bytes.data() + 1;
    for (std::size_t i = 0; i < count; ++i)
      accrete::detail::absorb_sha256_block_portably(portable, unaligned + 64 * i);
    accrete::detail::absorb_sha256_blocks_by_instructions(by_instructions, unaligned, count);
    BOOST_TEST((portable == by_instructions));
  }
#endif
}

BOOST_AUTO_TEST_SUITE_END()
