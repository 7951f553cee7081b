/// Glyphs out of font files of outlines (TrueType, OpenType), drawn by FreeType.
#pragma once

#include <ft2build.h>

#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/substrate/glyph/freetype_library.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class Hinting {
  none,      // the outline as it is: what Unifont needs to come out pixel by pixel
  automatic  // FreeType's default: the font's own instructions, or outlines moved onto the grid
};

struct FreeTypeOptions {
  Hinting hinting = Hinting::none;
  Index face = 0;  // which font of a collection
};

/// Each rasterizer has an FT_Library of its own; copies share the bytes of the file alone.
///
/// Refused with a FileError that says so: files that cannot be read or are no font, fonts without a
/// Unicode map, and variable, colour and bitmap-only fonts.
class FreeTypeRasterizer {
 public:
  static constexpr std::uint64_t max_file_bytes = std::uint64_t{256} << 20;
  static constexpr Index max_size = 1024;

  explicit FreeTypeRasterizer(std::filesystem::path const& path,
                              FreeTypeOptions const& options = {});
  FreeTypeRasterizer(FreeTypeRasterizer const& other)
      : FreeTypeRasterizer(other.file_, other.options_) {}
  FreeTypeRasterizer& operator=(FreeTypeRasterizer const&) = delete;

  /// Throws ValueError unless 1 <= size <= max_size, FileError for a glyph that is broken or more
  /// than sixteen times as large as it should be.
  [[nodiscard]] std::optional<Glyph> find(char32_t code_point, Index size);

  /// The font's glyph 0, `.notdef`.
  [[nodiscard]] Glyph missing(Index size) { return draw(0, size); }

  [[nodiscard]] std::string const& name() const { return file_->name; }
  [[nodiscard]] Json describe() const;

 private:
  struct FontFile {
    std::string name;
    std::string bytes;
    std::string sha256;
  };
  struct CloseFace {
    void operator()(FT_Face face) const { FT_Done_Face(face); }
  };

  FreeTypeRasterizer(std::shared_ptr<FontFile const> file, FreeTypeOptions const& options);
  void check_face() const;
  [[nodiscard]] Glyph draw(FT_UInt index, Index size);
  [[nodiscard]] Bitmap ink_of(FT_Bitmap const& rendered) const;

  std::shared_ptr<FontFile const> file_;
  FreeTypeOptions options_;
  detail::FreeTypeLibrary library_;
  std::unique_ptr<FT_FaceRec, CloseFace> face_;
  Index size_ = 0;  // that the face is set to
};

static_assert(GlyphRasterizer<FreeTypeRasterizer>);

inline FreeTypeRasterizer::FreeTypeRasterizer(std::filesystem::path const& path,
                                              FreeTypeOptions const& options)
    : FreeTypeRasterizer(
          [&] {
            std::string bytes = read_file(path, max_file_bytes);
            std::string hash = sha256_hex(bytes);
            return std::make_shared<FontFile const>(
                FontFile{path.string(), std::move(bytes), std::move(hash)});
          }(),
          options) {}

inline FreeTypeRasterizer::FreeTypeRasterizer(std::shared_ptr<FontFile const> file,
                                              FreeTypeOptions const& options)
    : file_(std::move(file)), options_(options), library_(file_->name) {
  if (options.face < 0 || options.face > 0xFFFF) {
    throw ValueError(message(name(), ": expected a face from 0 to 65535, got ", options.face));
  }
  FT_Face face = nullptr;
  ACCRETE_FREETYPE_CALL(
      name(),
      FT_New_Memory_Face(library_.get(), reinterpret_cast<FT_Byte const*>(file_->bytes.data()),
                         static_cast<FT_Long>(file_->bytes.size()), options.face, &face));
  face_.reset(face);
  check_face();
}

inline void FreeTypeRasterizer::check_face() const {
  FT_Face const face = face_.get();
  if (FT_HAS_MULTIPLE_MASTERS(face)) throw FileError(name(), "variable fonts are not supported");
  if (FT_HAS_COLOR(face)) throw FileError(name(), "colour fonts are not supported");
  if (!FT_IS_SCALABLE(face)) throw FileError(name(), "bitmap-only fonts are not supported");
  if (FT_Select_Charmap(face, FT_ENCODING_UNICODE) != FT_Err_Ok) {
    throw FileError(name(), "the font does not map Unicode to its glyphs");
  }
}

inline Json FreeTypeRasterizer::describe() const {
  auto const text = [](char const* name) { return std::string(name == nullptr ? "" : name); };
  return Json::object({{"rasterizer", "freetype"},
                       {"version", library_.version()},
                       {"font", std::filesystem::path(name()).filename().string()},
                       {"family", text(face_->family_name)},
                       {"style", text(face_->style_name)},
                       {"sha256", file_->sha256},
                       {"face", options_.face},
                       {"hinting", options_.hinting == Hinting::none ? "none" : "automatic"}});
}

inline std::optional<Glyph> FreeTypeRasterizer::find(char32_t code_point, Index size) {
  FT_UInt const index = FT_Get_Char_Index(face_.get(), code_point);
  if (index == 0) return std::nullopt;
  return draw(index, size);
}

inline Glyph FreeTypeRasterizer::draw(FT_UInt index, Index size) {
  if (size < 1 || size > max_size) {
    throw ValueError(
        message(name(), ": expected a size from 1 to ", max_size, " pixels, got ", size));
  }
  FT_Face const face = face_.get();
  library_.begin_glyph();
  if (size != size_) {
    ACCRETE_FREETYPE_CALL(name(), FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(size)));
    size_ = size;
  }
  FT_Int32 const flags =
      options_.hinting == Hinting::none ? FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP : FT_LOAD_DEFAULT;
  ACCRETE_FREETYPE_CALL(name(), FT_Load_Glyph(face, index, flags));
  FT_GlyphSlot const slot = face->glyph;
  if (slot->format == FT_GLYPH_FORMAT_OUTLINE) {
    FT_BBox box;
    FT_Outline_Get_CBox(&slot->outline, &box);
    FT_Pos const largest = 64 * 16 * static_cast<FT_Pos>(size);
    if (box.xMin < -largest || box.yMin < -largest || box.xMax > largest || box.yMax > largest) {
      throw FileError(name(),
                      message("glyph ", index, " is over sixteen times as large as its size"));
    }
    ACCRETE_FREETYPE_CALL(name(), FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL));
  }
  // Advances are in 1/64 of a pixel, rounded to the nearest.
  return {ink_of(slot->bitmap), slot->bitmap_left, slot->bitmap_top,
          (Index{slot->metrics.horiAdvance} + 32) >> 6};
}

inline Bitmap FreeTypeRasterizer::ink_of(FT_Bitmap const& rendered) const {
  bool const one_bit = rendered.pixel_mode == FT_PIXEL_MODE_MONO;
  if (!one_bit && rendered.pixel_mode != FT_PIXEL_MODE_GRAY && rendered.rows != 0) {
    throw FileError(name(), "the font holds pictures of glyphs in an unexpected format");
  }
  Bitmap ink(Index{rendered.width}, Index{rendered.rows});
  for (Index y = 0; y < ink.height(); ++y) {
    unsigned char const* const row = rendered.buffer + y * rendered.pitch;
    for (Index x = 0; x < ink.width(); ++x) {
      if (!one_bit) {
        ink.at(x, y) = row[x];
      } else if ((row[x / 8] >> (7 - x % 8) & 1) != 0) {
        ink.at(x, y) = Bitmap::full_ink;
      }
    }
  }
  return ink;
}

ACCRETE_END_NAMESPACE
