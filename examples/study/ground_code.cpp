// Cells whose models stand on RandomCodeEmbedding<64>.
#include "make_cell.hpp"

study::Json study::make_code_cell(Settings const& settings, Cell const& cell,
                                  std::stop_token stop) {
  return make_cell_on<accrete::RandomCodeEmbedding<64>, false>(settings, cell, stop);
}
