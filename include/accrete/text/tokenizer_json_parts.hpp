/// The parts of a tokenizer.json as it writes them, each with its offset in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/split_rule.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A token's spelling, found at an offset.
struct JsonSpelling {
  std::string text;
  std::uint64_t offset = 0;
};

struct JsonMerge {
  std::string left, right;
  std::uint64_t offset = 0;
};

struct JsonAddedToken {
  std::string content;
  TokenId id = -1;
  bool special = false;
  bool normalized = true;
  std::uint64_t offset = 0;
};

/// Many things of one kind, which are read again where they are used: in memory they would take several times
/// their text.
struct JsonList {
  std::uint64_t offset = 0;
  std::size_t count = 0;
  std::size_t spelling_bytes = 0;  // of their tokens
};

struct JsonBpeModel {
  JsonList vocabulary;
  JsonList merges;
  std::optional<std::uint64_t> unknown;  // the offset of its spelling
  bool byte_fallback = false;
  bool fuse_unknown = false;
  bool ignore_merges = false;
  std::uint64_t offset = 0;
};

struct JsonPreTokenizer {
  SplitRule split = SplitRule::none;
  bool byte_level = false;
  bool prefix_space = false;
  std::uint64_t offset = 0;
};

/// Marks around a text, each by its name, and the ids that a name stands for.
struct JsonMarks {
  std::vector<JsonSpelling> before, behind;
  std::map<std::string, std::vector<TokenId>> ids;
};

// What stands under a key, once the reader has come to its value.
[[nodiscard]] JsonMerge read_merge(JsonPathReader& reader);
[[nodiscard]] JsonBpeModel read_bpe_model(JsonPathReader& reader);
[[nodiscard]] JsonAddedToken read_added_token(JsonPathReader& reader);
[[nodiscard]] JsonList read_added_tokens(JsonPathReader& reader);
[[nodiscard]] JsonPreTokenizer read_pre_tokenizer(JsonPathReader& reader);
[[nodiscard]] JsonMarks read_post_processor(JsonPathReader& reader);
/// Whether it is a byte-level one; nothing for null.
[[nodiscard]] std::optional<bool> read_decoder(JsonPathReader& reader);

/// The byte that a token like `<0x0A>` names.
[[nodiscard]] inline std::optional<std::uint8_t> named_byte(std::string_view spelling) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>')
    return std::nullopt;
  std::size_t const high = digits.find(spelling[3]), low = digits.find(spelling[4]);
  if (high == digits.npos || low == digits.npos) return std::nullopt;
  return static_cast<std::uint8_t>(16 * high + low);
}

/// Refuses all but null.
inline void only_null(JsonPathReader& reader, std::string_view what) {
  std::uint64_t const offset = reader.offset();
  if (!reader.null()) reader.refuse(offset, what, " is not supported, expected null");
}

/// Refuses all but one value.
inline void only_boolean(JsonPathReader& reader, bool wanted) {
  std::uint64_t const offset = reader.offset();
  if (reader.boolean() != wanted)
    reader.refuse(offset, wanted ? "false" : "true", " is not supported");
}

[[noreturn]] inline void unknown_key(JsonPathReader& reader) {
  reader.refuse(reader.json().key_offset(), "an unknown key, which may change what the file means");
}

}  // namespace detail

ACCRETE_END_NAMESPACE
