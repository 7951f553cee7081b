/// Tensors that own their numbers, and named numbers to fill them from.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/core/tensor_view.hpp>
#ifdef __CUDACC__
#include "support/counted_device.hpp"
#endif

namespace accrete_test {

using accrete::Index;

/// Sizes and parameters of a case by their names: {"B", 2}, {"epsilon", 1e-5}.
using Numbers = std::map<std::string, double>;

/// Inputs and results of a case by their names. Doubles hold floats and token ids exactly.
using Values = std::map<std::string, std::vector<double>>;

[[nodiscard]] inline Index size_of(Numbers const& numbers, std::string const& name) {
  return static_cast<Index>(numbers.at(name));
}

/// A tensor's numbers, in memory that the tested backend reads.
#ifdef __CUDACC__
template <class T>
using TensorValues = std::vector<T, ManagedAllocator<T>>;
#else
template <class T>
using TensorValues = std::vector<T>;
#endif

/// An owning tensor, which may stand wherever a view is asked for.
template <class T, int Rank>
class Tensor {
 public:
  using View = accrete::TensorView<T, Rank>;
  using Sizes = typename View::Sizes;

  explicit Tensor(Sizes sizes)
      : sizes_(sizes), values_(static_cast<std::size_t>(View(nullptr, sizes).count())) {}
  Tensor(std::vector<double> const& values, Sizes sizes) : Tensor(sizes) {
    if (values.size() != values_.size()) throw accrete::ShapeError("a test's tensor does not fit");
    std::transform(values.begin(), values.end(), values_.begin(),
                   [](double value) { return static_cast<T>(value); });
  }

  [[nodiscard]] View view() { return {values_.data(), sizes_}; }
  /// In the space of any backend: tests run kernels for devices on the host.
  template <class Space>
  operator accrete::TensorView<T, Rank, Space>() {
    return {values_.data(), sizes_};
  }
  template <class Space>
  operator accrete::TensorView<T const, Rank, Space>() const {
    return {values_.data(), sizes_};
  }

  [[nodiscard]] TensorValues<T>& values() { return values_; }
  [[nodiscard]] std::vector<double> doubles() const { return {values_.begin(), values_.end()}; }

 private:
  Sizes sizes_;
  TensorValues<T> values_;
};

/// `count` normal values of the stream `name`, each exact in float.
[[nodiscard]] inline std::vector<double> random_values(std::string_view name, Index count,
                                                       double mean = 0, double deviation = 1) {
  auto const stream = accrete::Random(20).stream(name);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(mean + deviation * stream.normals(i / 4)[i % 4]);
  return values;
}

/// `count` whole numbers in [0, limit).
[[nodiscard]] inline std::vector<double> random_ids(std::string_view name, Index count,
                                                    Index limit) {
  auto const stream = accrete::Random(20).stream(name);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::floor(stream.uniform(i) * static_cast<double>(limit));
  return values;
}

}  // namespace accrete_test
