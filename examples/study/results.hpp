/// What the cells found, read back from their files and asked by name.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <accrete/io/atomic_file.hpp>

#include "cells.hpp"
#include "statistics.hpp"

namespace study {

class Results {
 public:
  Results(Settings const& settings, std::vector<Cell> const& cells) : scale_(settings.scale) {
    for (Cell const& cell : cells) {
      auto const path = settings.state(cell.name() + ".json");
      if (std::filesystem::exists(path))
        cells_[cell.name()] = Json::parse(accrete::read_file(path, 1 << 28), path.string());
    }
  }

  [[nodiscard]] std::size_t count() const { return cells_.size(); }
  [[nodiscard]] Json const* find(Cell const& cell) const {
    auto const found = cells_.find(cell.name());
    return found == cells_.end() ? nullptr : &found->second;
  }

  /// value(cell) for every seed, NaN where the cell is not made: the index tells the seed, so that pairs are pairs.
  [[nodiscard]] std::vector<double> over_seeds(
      Cell cell, std::function<double(Json const&)> const& value) const {
    std::vector<double> values;
    for (cell.seed = 1; cell.seed <= std::max(scale_.pair_seeds, scale_.seeds); ++cell.seed)
      if (Json const* const json = find(cell))
        values.push_back(value(*json));
      else
        values.push_back(std::numeric_limits<double>::quiet_NaN());
    return values;
  }
  [[nodiscard]] std::vector<double> numbers(Cell const& cell, std::string const& key) const {
    return over_seeds(cell, [&](Json const& json) { return json.at(key).as_double(); });
  }

 private:
  Scale scale_;
  std::map<std::string, Json> cells_;
};

/// The mean over all texts of {"en": 2.3, ...}, or over some.
[[nodiscard]] inline double mean_of(Json const& bits, std::vector<std::string> const& names = {}) {
  double sum = 0, count = 0;
  for (auto const& [name, value] : bits.as_object())
    if (names.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
      sum += value.as_double();
      ++count;
    }
  return sum / count;
}

/// Bits per character of a model of a merge: the mean over all languages, or those of one text.
[[nodiscard]] inline std::function<double(Json const&)> merged_bits(
    std::string const& model, std::vector<std::string> const& names = {},
    std::string const& part = "bits") {
  return [=](Json const& json) { return mean_of(json.at("models").at(model).at(part), names); };
}

}  // namespace study
