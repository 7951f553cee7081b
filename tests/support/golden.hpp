/// The numbers that PyTorch computed: tests/golden/operations.safetensors.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <accrete/io/safetensors.hpp>

#include "support/tensors.hpp"

namespace accrete_test {

/// One case of an operation: what it was computed from and what came out. Sizes and roles are those
/// of make_operation_reference.py; what is no number among the parameters is left out.
struct GoldenCase {
  std::string name;  // "layer_norm.3"
  Numbers numbers;
  std::map<std::string, std::vector<double>> lists;  // "scales" -> {0.5, 0.5}
  Values values;
};

[[nodiscard]] inline std::vector<double> parse_list(std::string const& text) {
  std::vector<double> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    std::istringstream number(item);
    if (double value = 0; number >> value && number.eof()) list.push_back(value);
  }
  return list;
}

/// All cases of one operation.
[[nodiscard]] inline std::vector<GoldenCase> golden_cases(std::string const& operation) {
  accrete::SafetensorsReader const file(ACCRETE_SOURCE_DIR "/tests/golden/operations.safetensors");
  std::vector<GoldenCase> cases;
  for (Index number = 0;; ++number) {
    std::string const name = operation + "." + std::to_string(number);
    auto const parameters = file.metadata().find(name);
    if (parameters == file.metadata().end()) break;
    GoldenCase golden{.name = name, .numbers = {}, .lists = {}, .values = {}};
    std::istringstream pairs(parameters->second);
    for (std::string pair; pairs >> pair;) {
      std::string const key = pair.substr(0, pair.find('='));
      golden.lists[key] = parse_list(pair.substr(key.size() + 1));
      if (golden.lists[key].size() == 1) golden.numbers[key] = golden.lists[key][0];
    }
    std::string const prefix = name + ".";
    for (auto const& tensor : file.tensors())
      if (tensor.name.starts_with(prefix))
        golden.values[tensor.name.substr(prefix.size())] = file.read_vector<double>(tensor.name);
    cases.push_back(std::move(golden));
  }
  BOOST_TEST_REQUIRE(!cases.empty(), "no golden case of " << operation);
  return cases;
}

}  // namespace accrete_test
