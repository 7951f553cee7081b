/// GNU Unifont's .hex format: a line per glyph, `0041:0000000018242442427E424242420000`.
///
/// A code point, a colon, then sixteen rows of pixels from top to bottom, each 8, 16, 24 or 32 wide,
/// one bit per pixel. A second file, `0301:-8`, may give marks their place: such a glyph stands that
/// many pixels from the origin and does not advance.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/substrate/glyph/hex_lines.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Sixteen rows of `width` pixels; the leftmost pixel of a row is its highest bit.
struct HexGlyph {
  static constexpr Index height = 16;

  char32_t code_point{};
  Index width{};
  std::array<std::uint32_t, height> rows{};
  std::optional<Index> mark_offset{};  // where a mark stands, relative to the origin

  [[nodiscard]] bool at(Index x, Index y) const {
    return (rows[static_cast<std::size_t>(y)] >> (width - 1 - x) & 1) != 0;
  }
};

/// A cheap shared handle to the glyphs of one font.
class HexFont {
 public:
  static constexpr std::uint64_t max_file_bytes = std::uint64_t{128} << 20;

  /// Throws FileError with the line and the offset of the wrong byte.
  [[nodiscard]] static HexFont read(std::filesystem::path const& path) {
    return parse(read_file(path, max_file_bytes), path.string());
  }
  [[nodiscard]] static HexFont parse(std::string_view text, std::string const& name);

  /// The same glyphs with the marks in their places. Offsets for code points that the font lacks are
  /// passed over. Errors as above.
  [[nodiscard]] HexFont with_marks(std::filesystem::path const& path) const {
    return with_marks(read_file(path, max_file_bytes), path.string());
  }
  [[nodiscard]] HexFont with_marks(std::string_view text, std::string const& name) const;

  /// nullptr where the font lacks the code point.
  [[nodiscard]] HexGlyph const* find(char32_t code_point) const;

  [[nodiscard]] std::vector<HexGlyph> const& glyphs() const { return content_->glyphs; }
  [[nodiscard]] std::string const& name() const { return content_->name; }
  [[nodiscard]] std::string const& sha256() const { return content_->sha256; }

  /// Empty without marks.
  [[nodiscard]] std::string const& marks_sha256() const { return content_->marks_sha256; }

 private:
  struct Content {
    std::string name;
    std::string sha256;
    std::string marks_sha256;
    std::vector<HexGlyph> glyphs;  // by ascending code point

    [[nodiscard]] std::size_t position_of(char32_t code_point) const;  // glyphs.size() if it lacks
  };

  explicit HexFont(Content content)
      : content_(std::make_shared<Content const>(std::move(content))) {}

  std::shared_ptr<Content const> content_;
};

namespace detail {

[[nodiscard]] inline HexGlyph parse_hex_glyph(HexLines const& line) {
  std::string_view const digits = line.value();
  if (digits.empty() || digits.size() > 128 || digits.size() % 32 != 0) {
    line.refuse_value(
        0, message("expected 32, 64, 96 or 128 hexadecimal digits, got ", digits.size()));
  }
  std::size_t const digits_per_row = digits.size() / HexGlyph::height;
  HexGlyph glyph{line.code_point(), static_cast<Index>(4 * digits_per_row)};
  for (std::size_t place = 0; place < digits.size(); ++place) {
    std::optional<std::uint32_t> const digit = value_of_hex_digit(digits[place]);
    if (!digit) line.refuse_value(place, "expected a hexadecimal digit");
    std::uint32_t& row = glyph.rows[place / digits_per_row];
    row = row << 4 | *digit;
  }
  return glyph;
}

[[nodiscard]] inline Index parse_mark_offset(HexLines const& line) {
  constexpr int largest = 32;
  char const* const begin = line.value().data();
  char const* const end = begin + line.value().size();
  int offset = 0;
  auto const [stop, error] = std::from_chars(begin, end, offset);
  if (error != std::errc{} || stop != end || offset < -largest || offset > largest) {
    line.refuse_value(0, message("expected an offset from -", largest, " to ", largest));
  }
  return offset;
}

}  // namespace detail

inline HexFont HexFont::parse(std::string_view text, std::string const& name) {
  Content content{name, sha256_hex(text), {}, {}};
  constexpr std::size_t shortest =
      38;  // a line of a narrow glyph; room for all, so that none are held twice
  auto const breaks = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  content.glyphs.reserve(std::min(breaks, text.size() / shortest) + 1);
  detail::HexLines line(text, name);
  while (line.next()) content.glyphs.push_back(detail::parse_hex_glyph(line));
  if (content.glyphs.empty()) throw FileError(name, 0, "expected at least one glyph");
  return HexFont(std::move(content));
}

inline HexFont HexFont::with_marks(std::string_view text, std::string const& name) const {
  Content content = *content_;
  content.marks_sha256 = sha256_hex(text);
  detail::HexLines line(text, name);
  while (line.next()) {
    Index const offset = detail::parse_mark_offset(line);
    std::size_t const position = content.position_of(line.code_point());
    if (position < content.glyphs.size()) content.glyphs[position].mark_offset = offset;
  }
  return HexFont(std::move(content));
}

inline HexGlyph const* HexFont::find(char32_t code_point) const {
  std::size_t const position = content_->position_of(code_point);
  return position < glyphs().size() ? &glyphs()[position] : nullptr;
}

inline std::size_t HexFont::Content::position_of(char32_t code_point) const {
  auto const found = std::lower_bound(
      glyphs.begin(), glyphs.end(), code_point,
      [](HexGlyph const& glyph, char32_t wanted) { return glyph.code_point < wanted; });
  if (found == glyphs.end() || found->code_point != code_point) return glyphs.size();
  return static_cast<std::size_t>(found - glyphs.begin());
}

ACCRETE_END_NAMESPACE
