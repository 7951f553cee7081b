/// Tokens as they come in files and go to the reader.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/json.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

namespace substrate_program {

using accrete::Index;
using accrete::TokenId;
using accrete::Vocabulary;

/// A line of a token file: its first column as it stands, and the code points that it means.
struct ListedToken {
  std::string column;
  std::u32string text;
};

namespace detail {

[[nodiscard]] inline char32_t code_point_of(std::string_view digits, std::string const& path,
                                            std::size_t offset) {
  char32_t value = 0;
  bool good = !digits.empty() && digits.size() <= 6;
  for (char const c : digits) {
    std::size_t const digit = std::string_view("0123456789ABCDEFabcdef").find(c);
    good = good && digit != std::string_view::npos;
    value = value * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
  }
  if (!good || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    throw accrete::FileError(path, offset,
                             accrete::message("expected a code point in hexadecimal, got \"",
                                              digits.substr(0, 40), "\""));
  return value;
}

}  // namespace detail

/// One token a line: code points in hexadecimal, separated by spaces; what follows a tab is left out.
/// FileError with the place for whatever is none, and for an empty line.
[[nodiscard]] inline std::vector<ListedToken> read_token_list(std::filesystem::path const& path) {
  std::string const text = accrete::read_file(path, std::uint64_t{256} << 20);
  std::vector<ListedToken> tokens;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t const end = std::min(text.find('\n', begin), text.size());
    std::string_view const line = std::string_view(text).substr(begin, end - begin);
    std::string_view const column = line.substr(0, line.find_first_of("\t\r"));
    ListedToken token{std::string(column), {}};
    for (std::size_t from = 0; from <= column.size();) {
      std::size_t const to = std::min(column.find(' ', from), column.size());
      token.text +=
          detail::code_point_of(column.substr(from, to - from), path.string(), begin + from);
      from = to + 1;
    }
    tokens.push_back(std::move(token));
    begin = end + 1;
  }
  return tokens;
}

/// How a token is shown: as a JSON string, <0x0A> for a byte, its bare name for a special one.
[[nodiscard]] inline std::string shown(Vocabulary const& vocabulary, TokenId id) {
  std::string const spelling(vocabulary.token(id));
  switch (vocabulary.kind(id)) {
    case accrete::TokenKind::byte: {
      constexpr std::string_view digits = "0123456789ABCDEF";
      auto const byte = static_cast<unsigned char>(spelling[0]);
      return std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + '>';
    }
    case accrete::TokenKind::text:
      return accrete::Json(spelling).dump();
    default:
      return spelling;
  }
}

/// "U+0041 U+0301"
[[nodiscard]] inline std::string code_points_of(std::string_view utf8) {
  std::ostringstream out;
  out << std::hex << std::uppercase << std::setfill('0');
  for (char32_t const code_point : accrete::to_code_points(utf8))
    out << (out.tellp() > 0 ? " " : "") << "U+" << std::setw(4)
        << static_cast<std::uint32_t>(code_point);
  return out.str();
}

}  // namespace substrate_program
