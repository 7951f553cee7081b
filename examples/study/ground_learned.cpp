// Cells whose models stand on LearnedEmbedding.
#include "ground.hpp"

study::Json study::make_learned_cell(Bench const& bench, Cell const& cell) {
  return make_cell_on<accrete::LearnedEmbedding, true>(bench, cell);
}
