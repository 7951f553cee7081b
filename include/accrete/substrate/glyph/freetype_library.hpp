/// FreeType's library object with a limit on its memory, and the check that every call goes through.
#pragma once

#include <ft2build.h>

#include FT_FREETYPE_H
#include FT_MODULE_H
#include FT_SYSTEM_H

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>

/// Throws FileError(font, ...) with the call's text, file and line unless the call returns 0.
#define ACCRETE_FREETYPE_CALL(font, call) \
  ::accrete::detail::check_freetype((call), (font), #call, __FILE__, __LINE__)

ACCRETE_BEGIN_NAMESPACE
namespace detail {

#undef FTERRORS_H_
#define FT_ERRORDEF(name, value, text) \
  case value:                          \
    return text;
#define FT_ERROR_START_LIST switch (FT_ERROR_BASE(error)) {
#define FT_ERROR_END_LIST }
[[nodiscard]] inline std::string_view describe_freetype_error(FT_Error error) {
#include FT_ERRORS_H
  return "an error that FreeType does not name";
}

inline void check_freetype(FT_Error error, std::string const& font, char const* call,
                           char const* file, int line) {
  if (error == FT_Err_Ok) return;
  throw FileError(font, message(describe_freetype_error(error), " (FreeType error ", error,
                                " from ", call, " at ", file, ":", line, ")"));
}

/// One FT_Library. Not for two threads at once. Its memory is bounded, whatever a font asks for, and
/// so is its time for a glyph made of glyphs made of glyphs, since each asks for some memory.
class FreeTypeLibrary {
 public:
  static constexpr std::size_t max_bytes = std::size_t{256} << 20;
  static constexpr std::size_t requests_of_a_font = std::size_t{1} << 20;  // for memory
  static constexpr std::size_t requests_of_a_glyph = std::size_t{1} << 14;

  explicit FreeTypeLibrary(std::string const& font) {
    ACCRETE_FREETYPE_CALL(font, FT_New_Library(&memory_, &library_));
    FT_Add_Default_Modules(library_);
    FT_Set_Default_Properties(library_);
  }
  ~FreeTypeLibrary() { FT_Done_Library(library_); }
  FreeTypeLibrary(FreeTypeLibrary const&) = delete;
  FreeTypeLibrary& operator=(FreeTypeLibrary const&) = delete;

  [[nodiscard]] FT_Library get() const { return library_; }

  void begin_glyph() { use_.requests_left = requests_of_a_glyph; }

  /// "2.12.1": of the library that runs, not of the header.
  [[nodiscard]] std::string version() const {
    FT_Int major = 0;
    FT_Int minor = 0;
    FT_Int patch = 0;
    FT_Library_Version(library_, &major, &minor, &patch);
    return message(major, ".", minor, ".", patch);
  }

 private:
  struct Use {
    std::size_t bytes = 0;
    std::size_t requests_left = requests_of_a_font;
  };

  // Each block stands behind its own size.
  static constexpr std::size_t prefix = alignof(std::max_align_t);

  static void* allocate(FT_Memory memory, long size) {
    return reallocate(memory, 0, size, nullptr);
  }
  static void release(FT_Memory memory, void* block) {
    if (block == nullptr) return;
    auto* const begin = static_cast<std::byte*>(block) - prefix;
    std::size_t size = 0;
    std::memcpy(&size, begin, sizeof size);
    static_cast<Use*>(memory->user)->bytes -= size;
    std::free(begin);
  }
  static void* reallocate(FT_Memory memory, long old_size, long new_size, void* block) {
    auto& use = *static_cast<Use*>(memory->user);
    auto const before = block == nullptr ? std::size_t{0} : static_cast<std::size_t>(old_size);
    auto const after = static_cast<std::size_t>(new_size);
    if (new_size < 0 || after > max_bytes - (use.bytes - before)) return nullptr;
    if (use.requests_left == 0) return nullptr;
    --use.requests_left;
    void* const begin = std::realloc(
        block == nullptr ? nullptr : static_cast<std::byte*>(block) - prefix, prefix + after);
    if (begin == nullptr) return nullptr;
    use.bytes += after - before;
    std::memcpy(begin, &after, sizeof after);
    return static_cast<std::byte*>(begin) + prefix;
  }

  Use use_;
  FT_MemoryRec_ memory_{&use_, &allocate, &release, &reallocate};
  FT_Library library_ = nullptr;
};

}  // namespace detail
ACCRETE_END_NAMESPACE
