// Cells whose models stand on BinaryIdEmbedding.
#include "make_cell.hpp"

study::Json study::make_bits_cell(Settings const& settings, Cell const& cell,
                                  std::stop_token stop) {
  return make_cell_on<accrete::BinaryIdEmbedding, true>(settings, cell, stop);
}
