// Cells whose models stand on FrozenGlyphEmbedding.
#include "ground.hpp"

study::Json study::make_glyph_cell(Bench const& bench, Cell const& cell) {
  return make_cell_on<accrete::FrozenGlyphEmbedding, true>(bench, cell);
}
