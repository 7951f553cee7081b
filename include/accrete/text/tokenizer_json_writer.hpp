/// Writes a tokenizer as tokenizer.json. Include tokenizer_json.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/text/split_rule.hpp>
#include <accrete/text/tokenizer.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>
#include <accrete/text/tokenizer_rules.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A tokenizer.json that Hugging Face's `tokenizers` 0.20 and later reads, and that gives the same
/// ids there. Reserved tokens become plain tokens, which no text reaches.
///
/// ValueError for what the format cannot say: a token spelled like a byte token (`<0x0A>`) or a
/// reserved one of one code point, which text would reach there.
[[nodiscard]] std::string to_tokenizer_json(Tokenizer const& tokenizer);

// -------------------------------------------------------------------------------------------------

namespace detail {

/// The spelling under which the format knows a token.
inline std::string json_spelling(Vocabulary const& vocabulary, TokenId id) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string_view const spelling = vocabulary.token(id);
  if (vocabulary.kind(id) != TokenKind::byte) return std::string(spelling);
  auto const byte = static_cast<std::uint8_t>(spelling[0]);
  return {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
}

inline void check_writable(Vocabulary const& vocabulary) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    std::string_view const spelling = vocabulary.token(id);
    bool const is_byte = vocabulary.kind(id) == TokenKind::byte;
    if (vocabulary.has_byte_tokens() && !is_byte && named_byte(spelling)) {
      throw ValueError(
          message("tokenizer.json: token ", id, " is spelled like a byte token: ", spelling));
    }
    if (vocabulary.kind(id) == TokenKind::reserved && count_code_points(spelling) == 1) {
      throw ValueError(message("tokenizer.json: the reserved token ", id,
                               " is one character, which text would reach"));
    }
  }
}

inline Json byte_level_json(bool prefix_space, bool use_regex) {
  return Json::object({{"type", "ByteLevel"},
                       {"add_prefix_space", prefix_space},
                       {"trim_offsets", true},
                       {"use_regex", use_regex}});
}

inline Json pre_tokenizer_json(TokenizerRules const& rules) {
  if (!rules.byte_level) return nullptr;
  if (rules.split == SplitRule::none || rules.split == SplitRule::gpt2)
    return byte_level_json(rules.prefix_space, rules.split == SplitRule::gpt2);
  if (rules.prefix_space)
    throw ValueError("tokenizer.json: a space before text goes with GPT-2's split alone");
  return Json::object(
      {{"type", "Sequence"},
       {"pretokenizers",
        Json::array({Json::object({{"type", "Split"},
                                   {"pattern", Json::object({{"Regex", pattern_of(rules.split)}})},
                                   {"behavior", "Isolated"},
                                   {"invert", false}}),
                     byte_level_json(false, false)})}});
}

inline Json decoder_json(TokenizerRules const& rules) {
  if (rules.byte_level) return byte_level_json(true, true);
  return Json::object({{"type", "Sequence"},
                       {"decoders", Json::array({Json::object({{"type", "ByteFallback"}}),
                                                 Json::object({{"type", "Fuse"}})})}});
}

inline Json post_processor_json(Tokenizer const& tokenizer) {
  TokenizerRules const& rules = tokenizer.rules();
  if (rules.before.empty() && rules.behind.empty()) return nullptr;
  Json tokens = Json::object();
  auto const marks = [&](Json& pieces, std::vector<TokenId> const& ids, int type) {
    for (TokenId const id : ids) {
      std::string const name = json_spelling(tokenizer.vocabulary(), id);
      pieces.push_back(
          Json::object({{"SpecialToken", Json::object({{"id", name}, {"type_id", type}})}}));
      tokens[name] =
          Json::object({{"id", name}, {"ids", Json::array({id})}, {"tokens", Json::array({name})}});
    }
  };
  auto const text = [&](Json& pieces, std::string_view name, int type) {
    marks(pieces, rules.before, type);
    pieces.push_back(Json::object({{"Sequence", Json::object({{"id", name}, {"type_id", type}})}}));
    marks(pieces, rules.behind, type);
  };
  Json single = Json::array(), pair = Json::array();
  text(single, "A", 0);
  text(pair, "A", 0);
  text(pair, "B", 1);
  Json json = Json::object({{"type", "TemplateProcessing"}});
  json["single"] = single;
  json["pair"] = pair;
  json["special_tokens"] = tokens;
  return json;
}

/// One token or pair a line: the vocabulary and the merges, which are too many for Json.
inline void append_model(std::string& out, Tokenizer const& tokenizer) {
  Vocabulary const& vocabulary = tokenizer.vocabulary();
  TokenizerRules const& rules = tokenizer.rules();
  auto const truth = [](bool value) { return value ? "true" : "false"; };
  out += R"(  "model": {
    "type": "BPE",
    "dropout": null,
    "unk_token": )";
  out += rules.unknown ? Json(json_spelling(vocabulary, *rules.unknown)).dump() : "null";
  out += message(R"(,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": )",
                 truth(rules.fuse_unknown), R"(,
    "byte_fallback": )",
                 truth(vocabulary.has_byte_tokens()), R"(,
    "ignore_merges": )",
                 truth(rules.whole_pieces_first), ",\n    \"vocab\": {");
  for (TokenId id = 0; id < rules.merged_size; ++id) {
    out += id == 0 ? "\n      " : ",\n      ";
    append_json_string(out, json_spelling(vocabulary, id));
    out += ": " + std::to_string(id);
  }
  out += "\n    },\n    \"merges\": [";
  bool first = true;
  for (Merge const& merge : vocabulary.merges()) {
    out += first ? "\n      [" : ",\n      [";
    first = false;
    append_json_string(out, vocabulary.token(merge.left));
    out += ", ";
    append_json_string(out, vocabulary.token(merge.right));
    out += ']';
  }
  out += "\n    ]\n  }\n";
}

}  // namespace detail

inline std::string to_tokenizer_json(Tokenizer const& tokenizer) {
  Vocabulary const& vocabulary = tokenizer.vocabulary();
  TokenizerRules const& rules = tokenizer.rules();
  detail::check_writable(vocabulary);
  Json added = Json::array();
  for (AddedToken const& token : rules.added) {
    added.push_back(Json::object({{"id", token.id},
                                  {"content", vocabulary.token(token.id)},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", false},
                                  {"normalized", token.is_found_late},
                                  {"special", token.is_special}}));
  }
  std::string out = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n";
  out += "  \"added_tokens\": " + added.dump() + ",\n  \"normalizer\": null,\n";
  out += "  \"pre_tokenizer\": " + detail::pre_tokenizer_json(rules).dump() + ",\n";
  out += "  \"post_processor\": " + detail::post_processor_json(tokenizer).dump() + ",\n";
  out += "  \"decoder\": " + detail::decoder_json(rules).dump() + ",\n";
  detail::append_model(out, tokenizer);
  out += "}\n";
  return out;
}

ACCRETE_END_NAMESPACE
