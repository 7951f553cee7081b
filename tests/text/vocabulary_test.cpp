#include <accrete/text/vocabulary.hpp>

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/error_text.hpp"

using namespace accrete;
using accrete_test::says;

BOOST_AUTO_TEST_SUITE(vocabulary)

namespace {

std::vector<Token> const tokens = {{"<pad>", TokenKind::special},
                                   {"<s>", TokenKind::special},
                                   {"</s>", TokenKind::special},
                                   {"a"},
                                   {"b"},
                                   {"ab"},
                                   {"ж"},
                                   {"<unused_7>", TokenKind::reserved}};
std::vector<TokenPair> const merges = {{3, 4}};

std::vector<Token> with_bytes(std::vector<Token> list) {
  for (int byte = 0; byte < 256; ++byte)
    list.push_back({std::string(1, static_cast<char>(byte)), TokenKind::byte});
  return list;
}

auto make(std::vector<Token> const& list, std::vector<TokenPair> const& pairs = {}) {
  return [=] { return Vocabulary(list, pairs); };
}

std::string digest(Vocabulary const& vocabulary) {
  Sha256 hash;
  vocabulary.hash_into(hash);
  return to_hex(hash.digest());
}

}  // namespace

BOOST_AUTO_TEST_CASE(tokens_are_found_by_id_and_by_spelling) {
  Vocabulary const vocabulary(tokens, merges);
  BOOST_TEST(vocabulary.size() == 8);
  BOOST_TEST(vocabulary.token(6) == "ж");
  BOOST_TEST((vocabulary.kind(7) == TokenKind::reserved));
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    BOOST_TEST(vocabulary.find(vocabulary.token(id)).value() == id);
  BOOST_TEST(!vocabulary.find("c").has_value());
  BOOST_TEST(!vocabulary.find("").has_value());
  BOOST_TEST(vocabulary.pad() == 0);
  BOOST_TEST(vocabulary.begin() == 1);
  BOOST_TEST(vocabulary.end() == 2);
  BOOST_TEST((vocabulary.merges()[0] == Merge{3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(bytes_have_a_name_space_of_their_own) {
  Vocabulary const without(tokens, merges);
  BOOST_TEST(!without.has_byte_tokens());
  BOOST_TEST(without.byte_token('a') == -1);
  Vocabulary const with(with_bytes(tokens), merges);
  BOOST_TEST(with.has_byte_tokens());
  BOOST_TEST(with.byte_token('a') == 8 + 'a');
  BOOST_TEST(with.token(8 + 0xFF) == "\xFF");
  BOOST_TEST(with.find("a").value() == 3);
}

BOOST_AUTO_TEST_CASE(handles_share_one_vocabulary_and_are_never_empty) {
  Vocabulary a(tokens, merges);
  Vocabulary const b = std::move(a);
  BOOST_TEST(a.token(3).data() == b.token(3).data());
  BOOST_TEST((a == b));
  BOOST_TEST((a == Vocabulary(tokens, merges)));
  BOOST_TEST((a != Vocabulary(tokens, {})));
}

BOOST_AUTO_TEST_CASE(what_is_missing_or_out_of_range_is_named) {
  Vocabulary const vocabulary(tokens, merges);
  BOOST_CHECK_EXCEPTION((void)vocabulary.unknown(), ValueError, says("<unk>"));
  BOOST_CHECK_EXCEPTION((void)vocabulary.special("ab"), ValueError, says("no special token ab"));
  BOOST_CHECK_EXCEPTION((void)vocabulary.token(8), ValueError, says("below 8, got 8"));
  BOOST_CHECK_EXCEPTION((void)vocabulary.kind(-1), ValueError, says("below 8, got -1"));
}

BOOST_AUTO_TEST_CASE(bad_tokens_are_refused_with_their_place) {
  using enum TokenKind;
  BOOST_CHECK_EXCEPTION(make({})(), ValueError, says("at least one token"));
  BOOST_CHECK_EXCEPTION(make({{"a"}, {""}})(), ValueError, says("tokens[1]", "empty"));
  BOOST_CHECK_EXCEPTION(make({{"a"}, {"b"}, {"a", special}})(), ValueError,
                        says("tokens[2]: the same spelling as tokens[0]"));
  BOOST_CHECK_EXCEPTION(make({{"a"}, {"b\xC3"}})(), ValueError, says("tokens[1]: byte 1"));
  BOOST_CHECK_EXCEPTION(make({{"a"}, {std::string(65536, 'x')}})(), ValueError,
                        says("tokens[1]", "65535"));
  BOOST_CHECK_EXCEPTION(make({{"ab", byte}})(), ValueError, says("tokens[0]", "one raw byte"));
  BOOST_CHECK_EXCEPTION(make({{"a", byte}})(), ValueError,
                        says("256 byte tokens", "byte 0 is missing"));
  auto twice = with_bytes({});
  twice.push_back({"a", byte});
  BOOST_CHECK_EXCEPTION(make(twice)(), ValueError,
                        says("tokens[256]: the same byte as tokens[97]"));
  auto fewer = with_bytes({});
  fewer.erase(fewer.begin() + 17);
  BOOST_CHECK_EXCEPTION(make(fewer)(), ValueError, says("byte 17 is missing"));
}

BOOST_AUTO_TEST_CASE(bad_merges_are_refused_with_their_rank) {
  BOOST_CHECK_EXCEPTION(make(tokens, {{3, 8}})(), ValueError, says("merges[0]", "below 8, got 8"));
  BOOST_CHECK_EXCEPTION(make(tokens, {{3, 4}, {-1, 4}})(), ValueError, says("merges[1]", "got -1"));
  BOOST_CHECK_EXCEPTION(make(tokens, {{4, 3}})(), ValueError,
                        says("merges[0]", "4 and 3", "no text token"));
  BOOST_CHECK_EXCEPTION(make(tokens, {{0, 3}})(), ValueError,
                        says("merges[0]", "token 0 is not text"));
  BOOST_CHECK_EXCEPTION(make(tokens, {{3, 7}})(), ValueError, says("token 7 is not text"));
  BOOST_CHECK_EXCEPTION(make(tokens, {{3, 4}, {3, 4}})(), ValueError,
                        says("merges[1]: the same pair as merges[0]"));
  BOOST_CHECK_EXCEPTION(make({{"<"}, {"s>"}, {"<s>", TokenKind::special}}, {{0, 1}})(), ValueError,
                        says("no text token"));
}

BOOST_AUTO_TEST_CASE(the_hash_sees_every_part) {
  std::string const original = digest(Vocabulary(tokens, merges));
  BOOST_TEST(original == digest(Vocabulary(tokens, merges)));
  std::set<std::string> digests = {original};
  auto const changed = [&](auto change) {
    std::vector<Token> list = tokens;
    change(list);
    digests.insert(digest(Vocabulary(list, {})));
  };
  changed([](auto&) {});
  changed([](auto& list) { list[0].spelling = "<pat>"; });
  changed([](auto& list) { list[7].kind = TokenKind::special; });
  changed([](auto& list) { std::swap(list[3], list[4]); });
  changed([](auto& list) { list.pop_back(); });
  changed(
      [](auto& list) { list[3].spelling = "ax", list[5].spelling = "b"[0] + std::string("y"); });
  BOOST_TEST(digests.size() == 7U);
}

BOOST_AUTO_TEST_CASE(the_hashed_form_is_as_documented) {
  using namespace std::literals;
  std::string const bytes =
      "accrete vocabulary 1\n"
      "\3\0\0\0\0\0\0\0"
      "\0\1\0\0\0a"
      "\0\1\0\0\0b"
      "\0\2\0\0\0ab"
      "\1\0\0\0\0\0\0\0"
      "\0\0\0\0\1\0\0\0"s;
  std::vector<Token> const three = {{"a"}, {"b"}, {"ab"}};
  BOOST_TEST(digest(Vocabulary(three, std::vector<TokenPair>{{0, 1}})) == sha256_hex(bytes));
}

BOOST_AUTO_TEST_SUITE_END()
