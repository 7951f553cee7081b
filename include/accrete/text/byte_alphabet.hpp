/// The 256 characters by which byte-level tokenizers write bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// GPT-2's choice: a byte that is a printable character of Latin-1 stands for itself; the other 68
/// become U+0100, U+0101 and so on, in their order: a space is U+0120.
class ByteAlphabet {
 public:
  constexpr ByteAlphabet() {
    bytes_.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      bool const is_printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      char32_t const character = is_printable ? static_cast<char32_t>(byte) : next++;
      characters_[static_cast<std::size_t>(byte)] = character;
      bytes_[character] = static_cast<std::int16_t>(byte);
    }
  }

  [[nodiscard]] constexpr char32_t character(std::uint8_t byte) const { return characters_[byte]; }

  /// The byte that a character stands for, or -1.
  [[nodiscard]] constexpr int byte(char32_t character) const {
    return character < bytes_.size() ? bytes_[character] : -1;
  }

  /// Bytes to characters.
  [[nodiscard]] std::string write(std::string_view bytes) const {
    std::string text;
    for (char const byte : bytes) append_utf8(text, character(static_cast<std::uint8_t>(byte)));
    return text;
  }

  /// Characters to bytes; nothing if one stands for no byte.
  [[nodiscard]] std::optional<std::string> read(std::string_view text) const {
    std::string bytes;
    for (CodePointCursor cursor(text); !cursor.done();) {
      int const value = byte(cursor.next());
      if (value < 0) return std::nullopt;
      bytes += static_cast<char>(value);
    }
    return bytes;
  }

 private:
  std::array<char32_t, 256> characters_{};
  std::array<std::int16_t, 0x100 + 68> bytes_{};
};

inline constexpr ByteAlphabet byte_alphabet{};

ACCRETE_END_NAMESPACE
