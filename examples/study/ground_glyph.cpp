// Cells whose models stand on FrozenGlyphEmbedding.
#include "make_cell.hpp"

study::Json study::make_glyph_cell(Settings const& settings, Cell const& cell,
                                   std::stop_token stop) {
  return make_cell_on<accrete::FrozenGlyphEmbedding, true>(settings, cell, stop);
}
