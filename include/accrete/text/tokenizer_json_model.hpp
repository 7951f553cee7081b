/// Reads "model" and "added_tokens" of a tokenizer.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// {"a": 0, "b": 1, ...}: calls entry(spelling, id, offset of the spelling). Spellings and ids that come twice are
/// found later, by who has them all.
template <class Entry>
void for_each_vocabulary_entry(JsonPathReader& reader, Entry entry) {
  JsonReader& json = reader.json();
  json.begin_object();
  while (std::optional<std::string> const key = json.next_key()) {
    std::uint64_t const offset = json.key_offset();
    if (key->empty() || key->size() > 65535)
      reader.refuse(offset, "expected a token of 1 to 65535 bytes, got ", key->size());
    entry(std::string_view(*key), json.read_integer<TokenId>(), offset);
  }
}

inline JsonList read_vocabulary(JsonPathReader& reader) {
  JsonList list{.offset = reader.offset()};
  for_each_vocabulary_entry(reader, [&](std::string_view spelling, TokenId, std::uint64_t) {
    ++list.count;
    list.spelling_bytes += spelling.size();
  });
  return list;
}

/// "a b" or ["a", "b"]
inline JsonMerge read_merge(JsonPathReader& reader) {
  JsonMerge merge{.left = {}, .right = {}, .offset = reader.offset()};
  if (reader.json().peek() == JsonKind::string) {
    std::string const pair = reader.string();
    std::size_t const space = pair.find(' ');
    if (space == pair.npos || pair.find(' ', space + 1) != pair.npos) {
      reader.refuse(merge.offset, "expected two tokens with one space between them, got ",
                    excerpt(pair));
    }
    merge.left = pair.substr(0, space);
    merge.right = pair.substr(space + 1);
    return merge;
  }
  std::size_t count = 0;
  reader.array([&](std::size_t index) {
    if (index > 1) reader.refuse(merge.offset, "expected two tokens");
    (index == 0 ? merge.left : merge.right) = reader.string();
    ++count;
  });
  if (count != 2) reader.refuse(merge.offset, "expected two tokens, got ", count);
  return merge;
}

inline JsonList read_merges(JsonPathReader& reader) {
  JsonList list{.offset = reader.offset()};
  reader.array([&](std::size_t) {
    static_cast<void>(read_merge(reader));
    ++list.count;
  });
  return list;
}

inline JsonBpeModel read_bpe_model(JsonPathReader& reader) {
  JsonBpeModel model{.vocabulary = {}, .merges = {}, .unknown = {}, .offset = reader.offset()};
  bool has_vocabulary = false, has_merges = false;
  reader.object([&](std::string_view key) {
    std::uint64_t const offset = reader.offset();
    if (key == "type") {
      std::string const type = reader.string();
      if (type != "BPE") reader.refuse(offset, excerpt(type), " is not supported, expected BPE");
    } else if (key == "vocab") {
      model.vocabulary = read_vocabulary(reader);
      has_vocabulary = true;
    } else if (key == "merges") {
      model.merges = read_merges(reader);
      has_merges = true;
    } else if (key == "dropout") {
      only_null(reader, "dropout");
    } else if (key == "unk_token") {
      if (reader.null()) return;
      static_cast<void>(reader.string());
      model.unknown = offset;
    } else if (key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
      if (!reader.null() && !reader.string().empty())
        reader.refuse(offset, "is not supported, expected null or nothing");
    } else if (key == "byte_fallback") {
      model.byte_fallback = reader.boolean();
    } else if (key == "fuse_unk") {
      model.fuse_unknown = reader.boolean();
    } else if (key == "ignore_merges") {
      model.ignore_merges = reader.boolean();
    } else {
      unknown_key(reader);
    }
  });
  if (!has_vocabulary) reader.refuse(model.offset, "vocab is missing");
  if (!has_merges) reader.refuse(model.offset, "merges are missing");
  return model;
}

inline JsonAddedToken read_added_token(JsonPathReader& reader) {
  JsonAddedToken token{.content = {}, .offset = reader.offset()};
  reader.object([&](std::string_view key) {
    std::uint64_t const offset = reader.offset();
    if (key == "id") {
      token.id = reader.integer<TokenId>();
      if (token.id < 0) reader.refuse(offset, "expected an id, got ", token.id);
    } else if (key == "content") {
      token.content = reader.string();
      if (token.content.empty() || token.content.size() > 65535)
        reader.refuse(offset, "expected 1 to 65535 bytes, got ", token.content.size());
    } else if (key == "special") {
      token.special = reader.boolean();
    } else if (key == "normalized") {
      token.normalized = reader.boolean();
    } else if (key == "single_word" || key == "lstrip" || key == "rstrip") {
      only_boolean(reader, false);
    } else {
      unknown_key(reader);
    }
  });
  if (token.id < 0) reader.refuse(token.offset, "id is missing");
  if (token.content.empty()) reader.refuse(token.offset, "content is missing");
  return token;
}

inline JsonList read_added_tokens(JsonPathReader& reader) {
  JsonList list{.offset = reader.offset()};
  reader.array([&](std::size_t) {
    list.spelling_bytes += read_added_token(reader).content.size();
    ++list.count;
  });
  return list;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
