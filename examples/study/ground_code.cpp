// Cells whose models stand on RandomCodeEmbedding<64>.
#include "ground.hpp"

study::Json study::make_code_cell(Bench const& bench, Cell const& cell) {
  return make_cell_on<accrete::RandomCodeEmbedding<64>, false>(bench, cell);
}
