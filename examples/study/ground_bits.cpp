// Cells whose models stand on BinaryIdEmbedding.
#include "ground.hpp"

study::Json study::make_bits_cell(Bench const& bench, Cell const& cell) {
  return make_cell_on<accrete::BinaryIdEmbedding, true>(bench, cell);
}
