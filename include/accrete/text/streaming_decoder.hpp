/// Tokens to text as they come, without ever splitting a code point.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Bytes to whole code points as they come. Bytes are held back until a code point is whole; those
/// that can no longer become one are written as U+FFFD.
class CodePointAssembler {
 public:
  void push(std::string_view bytes, std::string& out) {
    held_back_ += bytes;
    std::size_t offset = 0;
    while (offset < held_back_.size()) {
      Utf8Step const step = decode_code_point(held_back_, offset);
      if (step.fault == Utf8Fault::truncated) break;
      append_utf8(out, step.fault == Utf8Fault::none ? step.code_point : replacement_character);
      offset += step.length;
    }
    held_back_.erase(0, offset);
  }

  /// What is still held back becomes U+FFFD.
  void finish(std::string& out) {
    if (!held_back_.empty()) append_utf8(out, replacement_character);
    held_back_.clear();
  }

 private:
  std::string held_back_;  // the start of a code point: at most three bytes
};

}  // namespace detail

/// Special and reserved tokens are written as they are spelled. The bytes of byte tokens are held
/// back until a code point is whole; those that can no longer become one are written as U+FFFD. So
/// what is written is always UTF-8.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(Vocabulary const& vocabulary) : vocabulary_(vocabulary) {}

  /// Appends to `out` the text that is certain after one more token: none, one or several whole
  /// code points. ValueError if `id` is not below V.
  void push(TokenId id, std::string& out);

  /// Ends the text: what is still held back becomes U+FFFD. Then another text may begin.
  void finish(std::string& out);

 private:
  Vocabulary vocabulary_;
  detail::CodePointAssembler bytes_;
};

inline void StreamingDecoder::push(TokenId id, std::string& out) {
  std::string_view const spelling = vocabulary_.token(id);
  if (vocabulary_.kind(id) == TokenKind::byte) {
    bytes_.push(spelling, out);
  } else {
    bytes_.finish(out);
    out += spelling;
  }
}

inline void StreamingDecoder::finish(std::string& out) {
  bytes_.finish(out);
}

ACCRETE_END_NAMESPACE
