/// The cells of one ground. Each ground is compiled in a file of its own: four kinds of models under six fusions take
/// their time.
#pragma once

#include "merge_cell.hpp"

namespace study {

template <class Embedding, bool Merges>
[[nodiscard]] Json make_cell_on(Bench const& bench, Cell const& cell) {
  switch (cell.task) {
    case Task::merge:
      if constexpr (Merges) return merge_cell<Embedding>(bench, cell);
      break;
    case Task::cache:
      return cache_cell<Embedding>(bench, cell);
    case Task::run:
    case Task::union_run:
      break;
  }
  return run_cell<Embedding>(bench, cell);
}

[[nodiscard]] Json make_glyph_cell(Bench const& bench, Cell const& cell);
[[nodiscard]] Json make_bits_cell(Bench const& bench, Cell const& cell);
[[nodiscard]] Json make_code_cell(Bench const& bench, Cell const& cell);
[[nodiscard]] Json make_learned_cell(Bench const& bench, Cell const& cell);

/// What came out of a cell, measured.
[[nodiscard]] inline Json make_cell(Bench const& bench, Cell const& cell) {
  switch (cell.ground) {
    case Ground::bits:
      return make_bits_cell(bench, cell);
    case Ground::code:
      return make_code_cell(bench, cell);
    case Ground::learned:
      return make_learned_cell(bench, cell);
    case Ground::glyph:
      break;
  }
  return make_glyph_cell(bench, cell);
}

}  // namespace study
