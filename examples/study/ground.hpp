/// The cells of each ground. Each ground is compiled in a file of its own: four kinds of models under six fusions take their
/// time.
#pragma once

#include <stop_token>

#include "cells.hpp"

namespace study {

/// Thrown when a stop has ended the work; everything is saved.
struct Interrupted {};

[[nodiscard]] Json make_glyph_cell(Settings const& settings, Cell const& cell,
                                   std::stop_token stop);
[[nodiscard]] Json make_bits_cell(Settings const& settings, Cell const& cell, std::stop_token stop);
[[nodiscard]] Json make_code_cell(Settings const& settings, Cell const& cell, std::stop_token stop);
[[nodiscard]] Json make_learned_cell(Settings const& settings, Cell const& cell,
                                     std::stop_token stop);

/// What came out of a cell, measured.
[[nodiscard]] inline Json make_cell(Settings const& settings, Cell const& cell,
                                    std::stop_token stop) {
  switch (cell.ground) {
    case Ground::bits:
      return make_bits_cell(settings, cell, stop);
    case Ground::code:
      return make_code_cell(settings, cell, stop);
    case Ground::learned:
      return make_learned_cell(settings, cell, stop);
    case Ground::glyph:
      break;
  }
  return make_glyph_cell(settings, cell, stop);
}

}  // namespace study
