// Cells whose models stand on LearnedEmbedding.
#include "make_cell.hpp"

study::Json study::make_learned_cell(Settings const& settings, Cell const& cell,
                                     std::stop_token stop) {
  return make_cell_on<accrete::LearnedEmbedding, true>(settings, cell, stop);
}
