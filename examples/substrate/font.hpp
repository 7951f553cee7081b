/// Any font behind one type: FreeType's formats, Unifont's .hex, and either in a child process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>
#if __has_include(<ft2build.h>)
#include <accrete/substrate/glyph/freetype_rasterizer.hpp>
#endif

#include "sandbox.hpp"

namespace substrate_program {

using accrete::Glyph;
using accrete::Index;
using accrete::Json;

/// What the command line says of a font.
struct FontChoice {
  std::filesystem::path path = "/usr/share/fonts/opentype/unifont/unifont.otf";
  std::filesystem::path marks;  // of a .hex font
  bool hinted = false;
  Index face = 0;
  bool sandboxed = false;
  SandboxLimits limits{};
};

[[nodiscard]] inline accrete::HexRasterizer open_hex(FontChoice const& choice) {
  accrete::HexFont font = accrete::HexFont::read(choice.path);
  if (!choice.marks.empty())
    font = font.with_marks(accrete::read_file(choice.marks, 1 << 24), choice.marks.string());
  return accrete::HexRasterizer(std::move(font));
}

#if __has_include(<ft2build.h>)
using OutlineRasterizer = accrete::FreeTypeRasterizer;
[[nodiscard]] inline OutlineRasterizer open_outlines(FontChoice const& choice) {
  return OutlineRasterizer(
      choice.path, {.hinting = choice.hinted ? accrete::Hinting::automatic : accrete::Hinting::none,
                    .face = choice.face});
}
#else
using OutlineRasterizer = accrete::HexRasterizer;
[[nodiscard]] inline OutlineRasterizer open_outlines(FontChoice const& choice) {
  throw accrete::FileError(choice.path.string(),
                           "this program was built without FreeType and reads .hex fonts alone");
}
#endif

[[nodiscard]] inline bool is_hex(std::filesystem::path const& path) {
  return path.extension() == ".hex";
}

/// The glyph that took longest, over all copies of a font.
class SlowestGlyph {
 public:
  void note(char32_t code_point, std::chrono::steady_clock::duration time) {
    auto const nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    // One word holds both, so that they fit each other: time above, code point below.
    std::uint64_t const entry =
        (static_cast<std::uint64_t>(nanoseconds) << 21) | std::uint64_t{code_point};
    std::uint64_t slowest = entry_.load();
    while (entry > slowest && !entry_.compare_exchange_weak(slowest, entry)) {
    }
  }
  [[nodiscard]] char32_t code_point() const {
    return static_cast<char32_t>(entry_.load() & 0x1FFFFF);
  }
  [[nodiscard]] double seconds() const { return static_cast<double>(entry_.load() >> 21) * 1e-9; }

 private:
  std::atomic<std::uint64_t> entry_{0};
};

/// A GlyphRasterizer for whatever font was chosen.
class Font {
 public:
  /// Throws FileError for a font that cannot be opened, in the sandbox or out of it.
  explicit Font(FontChoice const& choice)
      : rasterizer_(open(choice)), slowest_(std::make_shared<SlowestGlyph>()) {}

  [[nodiscard]] std::optional<Glyph> find(char32_t code_point, Index size) {
    auto const start = std::chrono::steady_clock::now();
    auto glyph = std::visit([&](auto& font) { return font.find(code_point, size); }, rasterizer_);
    slowest_->note(code_point, std::chrono::steady_clock::now() - start);
    return glyph;
  }
  [[nodiscard]] Glyph missing(Index size) {
    return std::visit([&](auto& font) { return font.missing(size); }, rasterizer_);
  }
  [[nodiscard]] std::string name() const {
    return std::visit([](auto const& font) -> std::string { return font.name(); }, rasterizer_);
  }
  [[nodiscard]] Json describe() const {
    return std::visit([](auto const& font) { return font.describe(); }, rasterizer_);
  }
  [[nodiscard]] SlowestGlyph const& slowest() const { return *slowest_; }

 private:
  using Rasterizer = std::variant<accrete::HexRasterizer, OutlineRasterizer, SandboxedRasterizer>;

  [[nodiscard]] static Rasterizer open(FontChoice const& choice) {
    if (choice.sandboxed) {
      return Rasterizer(std::in_place_index<2>, choice.path.string(), serving_arguments(choice),
                        choice.limits);
    }
    if (is_hex(choice.path)) return Rasterizer(std::in_place_index<0>, open_hex(choice));
    return Rasterizer(std::in_place_index<1>, open_outlines(choice));
  }
  /// What a child process is started with to serve this font.
  [[nodiscard]] static std::vector<std::string> serving_arguments(FontChoice const& choice) {
    std::vector<std::string> arguments{"--font", choice.path.string(), "--face",
                                       std::to_string(choice.face)};
    if (!choice.marks.empty())
      arguments.insert(arguments.end(), {"--marks", choice.marks.string()});
    if (choice.hinted) arguments.push_back("--hinted");
    return arguments;
  }

  Rasterizer rasterizer_;
  std::shared_ptr<SlowestGlyph> slowest_;
};

static_assert(accrete::GlyphRasterizer<Font>);

}  // namespace substrate_program
