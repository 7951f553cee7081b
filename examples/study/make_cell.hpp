/// A cell whose models stand on some embedding.
#pragma once

#include <accrete/report/machine.hpp>

#include "merge_cell.hpp"

namespace study {

template <class Embedding, bool Merges>
[[nodiscard]] Json measure_cell(Bench const& bench, Cell const& cell) {
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

template <class Embedding, bool Merges>
[[nodiscard]] Json make_cell_on(Settings const& settings, Cell const& cell, std::stop_token stop) {
  Bench const bench(settings, make_backend(settings), stop);
  Json result = measure_cell<Embedding, Merges>(bench, cell);
  result["mib"] = accrete::peak_memory_mib();
  result["engine"] = bench.backend.description();
  return result;
}

}  // namespace study
