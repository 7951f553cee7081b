/// accrete-checkpoint diff
#pragma once

#include <accrete/io/json_difference.hpp>
#include <cmath>
#include <cstdio>
#include <optional>

#include "contents.hpp"

namespace diff_detail {

/// How far two tensors of one shape are apart; nothing if they are equal to the bit.
struct Distance {
  std::uint64_t elements = 0;  // that differ
  double largest = 0;          // absolute difference; NaN if there is one in one file alone
};

inline std::optional<Distance> distance(accrete::SafetensorsReader const& a,
                                        accrete::SafetensorsReader const& b,
                                        std::string const& name) {
  if (a.digest_of(a.at(name)) == b.digest_of(b.at(name)) && a.at(name).dtype == b.at(name).dtype)
    return std::nullopt;
  if (!accrete::converts_to<double>(a.at(name).dtype) ||
      !accrete::converts_to<double>(b.at(name).dtype))
    return Distance{.elements = a.at(name).element_count(),
                    .largest = std::numeric_limits<double>::quiet_NaN()};
  std::vector<double> const x = a.read_vector<double>(name), y = b.read_vector<double>(name);
  Distance result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    ++result.elements;
    double const gap = std::abs(x[i] - y[i]);
    if (std::isnan(gap) || gap > result.largest) result.largest = gap;  // nothing exceeds a NaN
  }
  return result;
}

inline std::string describe(Distance const& distance, std::uint64_t elements) {
  return accrete::message("values: ", distance.elements, " of ", elements, ", by ",
                          distance.largest, " at most");
}

/// In what the two differ, one line each.
inline std::vector<std::string> differences(accrete::SafetensorsReader const& a,
                                            accrete::SafetensorsReader const& b) {
  std::vector<std::string> lines;
  accrete::Json const left = metadata_of(a), right = metadata_of(b);
  for (auto const& [key, value] : left.as_object()) {
    accrete::Json const* const other = right.find(key);
    if (other == nullptr)
      lines.push_back("metadata " + key + ": only in the first");
    else if (value != *other)
      lines.push_back("metadata " + accrete::json_difference(value, *other, key));
  }
  for (auto const& [key, value] : right.as_object())
    if (!left.contains(key)) lines.push_back("metadata " + key + ": only in the second");
  for (accrete::TensorInfo const& tensor : a.tensors()) {
    accrete::TensorInfo const* const other = b.find(tensor.name);
    std::string const line = "tensor " + tensor.name + ": ";
    if (other == nullptr)
      lines.push_back(line + "only in the first");
    else if (tensor.shape != other->shape)
      lines.push_back(line + "shape " + shape_of(tensor) + " and " + shape_of(*other));
    else if (auto const found = distance(a, b, tensor.name))
      lines.push_back(line + describe(*found, tensor.element_count()));
  }
  for (accrete::TensorInfo const& tensor : b.tensors())
    if (a.find(tensor.name) == nullptr)
      lines.push_back("tensor " + tensor.name + ": only in the second");
  return lines;
}

}  // namespace diff_detail

[[nodiscard]] inline Status diff(Arguments const& arguments) {
  auto const lines = diff_detail::differences(open(arguments.files[0], arguments.verify),
                                              open(arguments.files[1], arguments.verify));
  if (arguments.json) {
    accrete::Json list = accrete::Json::array();
    for (std::string const& line : lines) list.push_back(line);
    accrete::Json const result =
        accrete::Json::object({{"equal", lines.empty()}, {"differences", std::move(list)}});
    std::printf("%s\n", result.dump().c_str());
  } else {
    for (std::string const& line : lines) std::printf("%s\n", line.c_str());
  }
  return lines.empty() ? is_so : is_not_so;
}
