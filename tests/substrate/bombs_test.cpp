// Files that are made to take much memory or time: each is read or refused within four times its size and 16 MiB, and a
// second for each MiB.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <accrete/data/token_shard.hpp>
#include <accrete/io/safetensors.hpp>
#include <accrete/substrate/glyph/hex_font.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/ngram_list.hpp>
#include <accrete/text/tokenizer_json.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/train/growth_plan_json.hpp>

#include "support/process_costs.hpp"
#include "support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(bombs)

namespace {

using namespace accrete;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t bomb_bytes = accrete_test::costs_tell ? 4 * mebibyte : mebibyte / 4;

/// begin part(0) part(1) ... end, as many parts as bring it to `bytes`; their last character goes from the last.
template <class Part>
std::string repeated(std::string_view begin, Part const& part, std::string_view end,
                     std::size_t bytes = bomb_bytes) {
  std::string text(begin);
  for (std::size_t i = 0; text.size() < bytes; ++i) {
    if constexpr (std::is_invocable_v<Part, std::size_t>)
      text += part(i);
    else
      text += part;
  }
  text.pop_back();
  return text += end;
}

std::string nested(std::size_t count) {
  return std::string(count, '[');
}

/// A safetensors file.
std::string with_header(std::string const& header, std::string const& data = "") {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8)
    file += static_cast<char>(header.size() >> shift & 0xFF);
  return file + header + data;
}

std::string tensor(std::string const& dtype, std::string const& shape, std::size_t begin,
                   std::size_t end) {
  return message(R"({"dtype":")", dtype, R"(","shape":[)", shape, R"(],"data_offsets":[)", begin,
                 ",", end, "]}");
}

/// A substrate with this vocabulary and metadata, and a table of two tokens.
std::string substrate_file(std::string const& vocabulary, std::string const& provenance = "{}",
                           std::string const& ancestors = "[]") {
  std::string header =
      R"({"__metadata__":{"format":"accrete-substrate","version":"1","fingerprint":"","provenance":)";
  detail::append_json_string(header, provenance);
  header += R"(,"ancestors":)";
  detail::append_json_string(header, ancestors);
  header += R"(},"table":)" + tensor("F32", "2,1", 0, 8) + R"(,"vocabulary":)" +
            tensor("U8", std::to_string(vocabulary.size()), 8, 8 + vocabulary.size()) + "}";
  return with_header(header, std::string(8, '\0') + vocabulary);
}

std::string vocabulary_json(std::string const& tokens, std::string const& merges = "") {
  return R"({"format":"accrete-vocabulary","version":1,"tokens":[)" + tokens + R"(],"merges":[)" +
         merges + "]}";
}

std::string tokenizer(std::string const& vocabulary, std::string const& merges = "",
                      std::string const& more = "") {
  return "{" + more + R"("model":{"type":"BPE","vocab":{)" + vocabulary + R"(},"merges":[)" +
         merges + "]}}";
}

/// A tokenizer.json that grows token by token.
class TokenizerText {
 public:
  void add(std::string const& token) {
    vocabulary_ += message(count_ == 0 ? "" : ",", '"', token, "\":", count_);
    ++count_;
  }
  void add_merge(std::string const& left, std::string const& right) {
    merges_ += message(merges_.empty() ? "" : ",", '"', left, ' ', right, '"');
  }
  [[nodiscard]] std::size_t size() const { return vocabulary_.size() + merges_.size(); }
  [[nodiscard]] std::string text() const { return tokenizer(vocabulary_, merges_); }

 private:
  std::string vocabulary_, merges_;
  std::size_t count_ = 0;
};

/// All words of one to three letters, and all their merges.
std::string short_merges() {
  std::string letters;
  for (char c = '#'; c <= '~'; ++c)
    if (c != '\\') letters += c;
  TokenizerText text;
  for (char const a : letters) text.add({a});
  for (char const a : letters)
    for (char const b : letters) {
      text.add({a, b});
      text.add_merge({a}, {b});
    }
  for (char const a : letters)
    for (char const b : letters)
      for (char const c : letters) {
        if (text.size() >= bomb_bytes) return text.text();
        text.add({a, b, c});
        text.add_merge({a}, {b, c});
        text.add_merge({a, b}, {c});
      }
  return text.text();
}

std::string utf8_of(std::size_t code_point) {
  std::string text;
  append_utf8(text, static_cast<char32_t>(code_point));
  return text;
}

/// One code point of each 256.
std::string pages_of_code_points() {
  TokenizerText text;
  for (std::size_t page = 1; page < 0x1100; ++page)
    if (page < 0xD8 || page > 0xDF) text.add(utf8_of(256 * page));
  return text.text();
}

/// Merges to long tokens, in which each pair of so many code points stands, as far as there is room.
std::string pairs_of_code_points(std::size_t count) {
  TokenizerText text;
  text.add("a");
  for (std::size_t i = 0; i < count; ++i) text.add(utf8_of(0x80 + i));
  std::size_t i = 0, j = 0;
  for (std::size_t word = 0; text.size() < bomb_bytes; ++word) {
    std::string spelling = std::to_string(word);
    while (spelling.size() < 65'000) {
      spelling += utf8_of(0x80 + i) + utf8_of(0x80 + j);
      if (++j >= count) j = ++i % count, i = j;
    }
    text.add(spelling);
    text.add("a" + spelling);
    text.add_merge("a", spelling);
  }
  return text.text();
}

std::string plan(std::string const& more) {
  return R"({"format":"accrete growth plan","model":{"block":{"model_dim":8,"head_count":1,"hidden_dim":8}},)" +
         more + "}";
}

void check(std::function<void(std::filesystem::path const&)> const& read,
           std::initializer_list<std::pair<char const*, std::string>> files) {
  accrete_test::ScratchFolder const folder;
  for (auto const& [name, content] : files) {
    BOOST_TEST_CONTEXT(name) {
      std::filesystem::path const path = folder / "bomb";
      std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
      auto const costs = accrete_test::costs_of([&] {
        try {
          read(path);
        } catch (FileError const&) {
        }
      });
      double const size = static_cast<double>(content.size()) / mebibyte;
      double const taken = static_cast<double>(costs.bytes) / mebibyte;
      BOOST_TEST_MESSAGE(name << ": " << size << " MiB, took " << taken << " MiB and "
                              << costs.seconds << " s");
      if (!accrete_test::costs_tell) continue;
      BOOST_TEST(taken <= 4 * size + 16);
      BOOST_TEST(costs.seconds <= std::max(1.0, size));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_json) {
  auto const read = [](std::filesystem::path const& path) {
    (void)Json::parse(read_file(path, 64 * mebibyte), path.string());
  };
  check(read,
        {{"nested arrays", nested(bomb_bytes)},
         {"nested objects", repeated("", std::string_view(R"({"a":)"), "")},
         {"empty arrays", repeated("[", std::string_view("[],"), "]")},
         {"empty objects", repeated("[", std::string_view("{},"), "]")},
         {"empty strings", repeated("[", std::string_view("\"\","), "]")},
         {"digits", repeated("[", std::string_view("1,"), "]")},
         {"many keys", repeated(
                           "{", [](auto i) { return message('"', i, "\":0,"); }, "}")},
         {"keys that begin alike",
          repeated(
              "{", [](auto i) { return message('"', std::string(999, 'a'), i, "\":0,"); }, "}")},
         {"escapes", repeated("\"", std::string_view("\\u0041"), "0041\"")},
         {"pairs of surrogates", repeated("\"", std::string_view("\\ud83d\\ude00"), "0\"")},
         {"a long number", std::string(bomb_bytes, '7')},
         {"a small number", "0." + std::string(bomb_bytes, '0') + "1"},
         {"an exponent", "1e" + std::string(bomb_bytes, '9')},
         {"blanks", std::string(bomb_bytes, ' ')}});
}

BOOST_AUTO_TEST_CASE(of_safetensors) {
  auto const read = [](std::filesystem::path const& path) {
    SafetensorsReader const reader(path);
    for (TensorInfo const& info : reader.tensors()) {
      std::vector<std::byte> bytes(info.byte_count());
      reader.read(info, bytes);
    }
  };
  auto const tiny = [](std::size_t i) {
    return message('"', i, R"(":{"dtype":"U8","shape":[],"data_offsets":[)", i, ",", i + 1, "]},");
  };
  std::string const tensors = repeated("{", tiny, "}");
  check(
      read,
      {{"tiny tensors", with_header(tensors, std::string(200'000, '\0'))},
       {"tensors without elements",
        with_header(repeated(
            "{",
            [](auto i) {
              return message('"', i, R"(":{"dtype":"F4","shape":[0],"data_offsets":[0,0]},)");
            },
            "}"))},
       {"tensors of rank 8",
        with_header(repeated(
            "{",
            [](auto i) {
              return message('"', i,
                             R"(":{"dtype":"F4","shape":[0,1,1,1,1,1,1,1],"data_offsets":[0,0]},)");
            },
            "}"))},
       {"names that begin alike",
        with_header(repeated(
            "{",
            [](auto i) {
              return message('"', std::string(999, 'a'), i,
                             R"(":{"dtype":"F4","shape":[0],"data_offsets":[0,0]},)");
            },
            "}"))},
       {"a name many times",
        with_header(repeated(
            "{", std::string_view(R"("a":{"dtype":"F4","shape":[0],"data_offsets":[0,0]},)"),
            "}"))},
       {"a huge shape",
        with_header("{\"a\":" + tensor("F64", "9223372036854775807,9223372036854775807", 0, 16) +
                    "}")},
       {"a long shape", with_header(repeated(R"({"a":{"shape":[)", std::string_view("1,"), "]}}"))},
       {"a long header that is not there", with_header("{}").replace(3, 1, "\5")},
       {"metadata",
        with_header(repeated(R"({"__metadata__":{)",
                             [](auto i) { return message('"', i, "\":\"\","); }, "}}"))},
       {"metadata of escapes", with_header(repeated(R"({"__metadata__":{"a":")",
                                                    std::string_view("\\u0041"), "0041\"}}"))},
       {"unknown members", with_header(repeated(R"({"a":{"x":[)", std::string_view("[],"), "]}}"))},
       {"a deep unknown member", with_header(R"({"a":{"x":)" + nested(bomb_bytes))},
       {"hashes", with_header(repeated(R"({"__metadata__":{"accrete_sha256":")",
                                       std::string_view("0123456789abcdef"), "\"}}"))}});
}

BOOST_AUTO_TEST_CASE(of_substrates) {
  std::string const arrays = repeated("[", std::string_view("[],"), "]", 2 * mebibyte);
  check(
      [](std::filesystem::path const& path) { (void)Substrate::load(path); },
      {{"one token many times",
        substrate_file(vocabulary_json(repeated("", std::string_view("\"a\","), "")))},
       {"bytes",
        substrate_file(vocabulary_json(repeated("", std::string_view("{\"byte\":0},"), "")))},
       {"merges",
        substrate_file(vocabulary_json("\"a\",\"b\"", repeated("", std::string_view("0,"), "")))},
       {"digits", substrate_file(vocabulary_json(repeated("", std::string_view("1,"), "")))},
       {"different tokens", substrate_file(vocabulary_json(repeated(
                                "", [](auto i) { return message('"', i, "\","); }, "")))},
       {"provenance", substrate_file("{}", "{\"a\":" + arrays + "}", arrays)},
       {"all three",
        substrate_file(vocabulary_json(repeated("", std::string_view("\"a\","), "", 2 * mebibyte)),
                       "{\"a\":" + arrays + "}", arrays)}});
}

BOOST_AUTO_TEST_CASE(of_token_shards) {
  auto const shard = [](std::uint64_t count) {
    std::string file("accrtoks\1\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
    file += std::string(bomb_bytes, '\0');
    for (int shift = 0; shift < 64; shift += 8) file += static_cast<char>(count >> shift & 0xFF);
    return file;
  };
  check(
      [](std::filesystem::path const& path) {
        TokenShard const tokens(path);
        std::vector<TokenId> ids(static_cast<std::size_t>(tokens.size()));
        tokens.read(0, ids);
      },
      {{"many ids", shard(bomb_bytes / 2)},
       {"more ids than there are", shard(std::uint64_t{1} << 62)}});
}

BOOST_AUTO_TEST_CASE(of_growth_plans) {
  std::string targets, stages;
  for (std::size_t i = 0; i < 64; ++i)
    targets += message(i == 0 ? "" : ",", '"', std::string(62, 'a'), i, '"');
  for (int i = 0; i < 5000; ++i) stages += message(i == 0 ? "" : ",", R"({"blocks":1})");
  check([](std::filesystem::path const& path) { (void)load_growth_plan(path); },
        {{"a long name", plan(repeated(R"("name":")", std::string_view("\\u0041"), "0041\""))},
         {"defaults that every stage has", plan(R"("defaults":{"lora":{"targets":[)" + targets +
                                                R"(]}},"stages":[)" + stages + "]")},
         {"stages", plan(repeated("\"stages\":[", std::string_view("{},"), "]"))},
         {"nested stages", plan(R"("stages":)" + nested(bomb_bytes))},
         {"an unknown key", plan('"' + std::string(bomb_bytes, 'a') + "\":1")},
         {"unknown keys", plan(repeated("", std::string_view("\"a\":1,"), ""))}});
}

BOOST_AUTO_TEST_CASE(of_ngram_lists) {
  auto const one = [](std::string const& ngrams) {
    return "[{'lang':'','language_name':'','top_ngrams':{" + ngrams + "}}]";
  };
  check([](std::filesystem::path const& path) { (void)read_ngram_list(path); },
        {{"short n-grams", one(repeated("1:[", std::string_view("('a',0),"), "]"))},
         {"n-grams with brackets", one(repeated("1:[", std::string_view("(']',0),"), "]"))},
         {"long n-grams", one(repeated("16:[", std::string_view("('0123456789abcdef',0),"), "]"))},
         {"lengths", one(repeated(
                         "", [](auto i) { return message(i + 1, ":[],"); }, ""))},
         {"languages",
          repeated("[", std::string_view("{'lang':'','language_name':'','top_ngrams':{}},"), "]")},
         {"escapes", "[{'lang':'" + repeated("", std::string_view("\\x41"), "1'}]")},
         {"brackets", one("1:[" + std::string(bomb_bytes, '('))}});
}

BOOST_AUTO_TEST_CASE(of_hex_fonts) {
  auto const line = [](std::size_t i) {
    std::string text = "0000:00000000000000000000000000000000\n";
    for (std::size_t place = 4; place-- > 0; i /= 16) text[place] = "0123456789ABCDEF"[i % 16];
    return text;
  };
  check([](std::filesystem::path const& path) { (void)HexFont::read(path); },
        {{"narrow glyphs", repeated("", line, "\n", 65'535 * 38)},
         {"digits", "0041:" + std::string(bomb_bytes, '0')},
         {"zeros", std::string(bomb_bytes, '0')},
         {"line breaks", std::string(bomb_bytes, '\n')}});
}

BOOST_AUTO_TEST_CASE(of_tokenizer_json) {
  auto const marks = [](std::string const& name) {
    return repeated(
        R"("post_processor":{"type":"TemplateProcessing","single":[)",
        std::string_view(R"({"SpecialToken":{"id":"a","type_id":0}},)"),
        R"(,{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"a":{"ids":[)" + name + "]}}},",
        mebibyte);
  };
  auto const read = [](std::filesystem::path const& path) { (void)read_tokenizer_json(path); };
  check(read,
        {{"marks of many ids",
          tokenizer("\"a\":0", "", marks(repeated("", std::string_view("0,"), "", mebibyte)))},
         {"steps", tokenizer("\"a\":0", "",
                             repeated(R"("decoder":{"type":"Sequence","decoders":[)",
                                      std::string_view(R"({"type":"Fuse"},)"), "]},"))},
         {"steps in steps",
          tokenizer("\"a\":0", "",
                    repeated(R"("decoder":)",
                             std::string_view(R"({"type":"Sequence","decoders":[)"), "]},"))},
         {"merges", tokenizer("\"a\":0,\"aa\":1", repeated("", std::string_view("\"a a\","), ""))},
         {"escapes", tokenizer(repeated("\"", std::string_view("\\u0041"), "0041\":0"))},
         {"short tokens", tokenizer(repeated(
                              "", [](auto i) { return message('"', i, "\":", i, ','); }, ""))},
         {"one id", tokenizer(repeated(
                        "", [](auto i) { return message('"', i, "\":0,"); }, ""))},
         {"added tokens", tokenizer("\"a\":0", "",
                                    repeated(
                                        "\"added_tokens\":[",
                                        [](auto i) {
                                          return message(R"({"id":)", i + 1, R"(,"content":")", i,
                                                         "\"},");
                                        },
                                        "],"))},
         {"short merges", short_merges()},
         {"pages of code points", pages_of_code_points()},
         {"pairs of code points", pairs_of_code_points(1900)},
         {"one pair of code points", pairs_of_code_points(1)}});
}

BOOST_AUTO_TEST_SUITE_END()
