/// accrete::glyphs brings FreeType.
#include <ft2build.h>

#include <accrete/core/error.hpp>
#include FT_FREETYPE_H

int main() {
  FT_Library library = nullptr;
  if (FT_Init_FreeType(&library) != 0) return 1;
  return FT_Done_FreeType(library) == 0 ? 0 : 1;
}
