/// The adapters of a stack: which maps of which blocks have one, and the segment that owns their parameters.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/random.hpp>
#include <accrete/nn/adapter.hpp>
#include <accrete/nn/segment.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Adapters of the blocks [0, blocks()), all of the same options.
template <NamesLinearMaps BlockType>
class AdapterSet {
 public:
  using Backend = typename BlockType::Backend;

  /// Makes the adapters; `attach` lets the blocks use them. Throws ValueError for a target that no block has.
  AdapterSet(Backend backend, AdapterOptions options, BlockType const& prototype, Index blocks,
             Random random);

  [[nodiscard]] AdapterOptions const& options() const { return options_; }
  [[nodiscard]] Index blocks() const { return blocks_; }
  [[nodiscard]] Segment<Backend>& segment() { return segment_; }
  [[nodiscard]] Segment<Backend> const& segment() const { return segment_; }

  void attach(std::span<BlockType> blocks) {
    for_each_map(blocks, [](auto& linear, IndexRange, Adapter<Backend> const& adapter) {
      linear.adapters().push_back(adapter);
    });
  }
  void detach(std::span<BlockType> blocks) {
    for_each_map(blocks, [](auto& linear, IndexRange, auto const&) { linear.adapters().clear(); });
  }

  /// weight[outputs,:] += sign * alpha / R * up down, where `segments` hold the weights of the blocks. Returns a bound of
  /// the rounding error of any weight, with u half an epsilon: u max|weight| + (R + 2) u alpha / R max_p sum_r|up[p,r]|
  /// max|down|. Where products read rounded copies, it is the weights themselves that are added to and that the bound is
  /// about; their copies are rounded anew.
  double add_to_weights(std::span<BlockType> blocks, std::span<Segment<Backend>> segments,
                        double sign);

  [[nodiscard]] Json describe() const;
  /// Reads what `describe` wrote. Throws ValueError.
  [[nodiscard]] static AdapterOptions options_of(Json const& saved);

  /// Calls f(name, parameter) for all parameters that adapters of `blocks` blocks like `prototype` would have.
  template <class F>
  static void for_each_planned(BlockType const& prototype, AdapterOptions const& options,
                               Index blocks, F&& f) {
    for (auto const& adapter : plan(prototype, options))
      for (Index i = 0; i < blocks; ++i) for_each_parameter(adapter, name_of(i, adapter), f);
  }

 private:
  [[nodiscard]] static std::vector<Adapter<Backend>> plan(BlockType const& prototype,
                                                          AdapterOptions const& options);
  [[nodiscard]] static std::string name_of(Index block, Adapter<Backend> const& adapter) {
    return "blocks." + std::to_string(block) + "." + adapter.target() + ".adapter";
  }
  /// Calls f(linear, outputs, adapter) for each adapter and the map that it is for.
  template <class F>
  void for_each_map(std::span<BlockType> blocks, F&& f);
  /// weight += scale * up down, in double, and `rounded` to the nearest.
  void add_product(View<Backend, Master, 2> weight, View<Backend, Element, 2> rounded,
                   View<Backend, Master const, 2> up, View<Backend, Master const, 2> down,
                   double scale) const;

  Backend backend_;
  AdapterOptions options_;
  Index blocks_;
  std::vector<std::vector<Adapter<Backend>>> adapters_;  // of each block
  Segment<Backend> segment_;
};

template <NamesLinearMaps BlockType>
AdapterSet<BlockType>::AdapterSet(Backend backend, AdapterOptions options,
                                  BlockType const& prototype, Index blocks, Random random)
    : backend_(std::move(backend)),
      options_(std::move(options)),
      blocks_(blocks),
      adapters_(static_cast<std::size_t>(blocks), plan(prototype, options_)),
      segment_(backend_, "adapters") {
  auto const for_each_adapter = [&](auto&& f) {
    for (Index i = 0; i < blocks_; ++i)
      for (auto& adapter : adapters_[static_cast<std::size_t>(i)]) f(adapter, name_of(i, adapter));
  };
  for_each_adapter([&](auto& adapter, std::string const& name) { segment_.add(adapter, name); });
  segment_.allocate();
  for_each_adapter([&](auto& adapter, std::string const& name) { segment_.bind(adapter, name); });
  segment_.initialize(random, 1);
}

template <NamesLinearMaps BlockType>
auto AdapterSet<BlockType>::plan(BlockType const& prototype, AdapterOptions const& options)
    -> std::vector<Adapter<Backend>> {
  std::vector<Adapter<Backend>> adapters;
  for (auto target = options.targets.begin(); target != options.targets.end(); ++target) {
    std::string known;
    bool found = std::find(options.targets.begin(), target, *target) != target;
    if (found) throw ValueError(message("adapters: the target ", *target, " is named twice"));
    BlockType::visit_linear_maps(
        prototype, [&](std::string const& name, auto const& linear, IndexRange outputs) {
          known += (known.empty() ? "" : ", ") + name;
          if (name != *target) return;
          adapters.emplace_back(name, linear.inputs(), outputs, options);
          found = true;
        });
    if (!found)
      throw ValueError(
          message("adapters: no linear map is called ", *target, "; a block has ", known));
  }
  if (adapters.empty()) throw ValueError("adapters: expected at least one target");
  return adapters;
}

template <NamesLinearMaps BlockType>
template <class F>
void AdapterSet<BlockType>::for_each_map(std::span<BlockType> blocks, F&& f) {
  for (Index i = 0; i < blocks_; ++i) {
    auto const& adapters = adapters_[static_cast<std::size_t>(i)];
    BlockType::visit_linear_maps(blocks[static_cast<std::size_t>(i)],
                                 [&](std::string const& name, auto& linear, IndexRange outputs) {
                                   for (auto const& adapter : adapters)
                                     if (adapter.target() == name) f(linear, outputs, adapter);
                                 });
  }
}

template <NamesLinearMaps BlockType>
double AdapterSet<BlockType>::add_to_weights(std::span<BlockType> blocks,
                                             std::span<Segment<Backend>> segments, double sign) {
  using T = TypeOf<Backend, Master>;
  double const u = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
  double bound = 0;
  auto const greatest = [](auto const& values) {
    double most = 0;
    for (auto const value : values) most = std::max(most, std::abs(static_cast<double>(value)));
    return most;
  };
  std::span const own(&segment_, 1);
  for_each_map(blocks, [&](auto& linear, IndexRange outputs, Adapter<Backend> const& adapter) {
    double const scale = adapter.options().scale;
    auto const rows = linear.weight_values().slice(outputs.begin, outputs.end);
    View<Backend, Master, 2> const weight =
        masters_of<Backend>(segments, View<Backend, Element const, 2>(rows));
    View<Backend, Master const, 2> const up = masters_of<Backend>(own, adapter.up());
    View<Backend, Master const, 2> const down = masters_of<Backend>(own, adapter.down());
    if constexpr (std::is_same_v<T, TypeOf<Backend, Element>>)
      LinearKernel<Backend>::backward_input(backend_, up, down, rows,
                                            {.scale = sign * scale, .accumulate = true});
    else
      add_product(weight, rows, up, down, sign * scale);
    double row_sum = 0;
    auto const ups = host_copy(backend_, up);
    for (auto row = ups.begin(); row != ups.end(); row += options_.rank)
      row_sum =
          std::max(row_sum, std::accumulate(row, row + options_.rank, 0.0, [](double sum, auto v) {
                     return sum + std::abs(static_cast<double>(v));
                   }));
    bound = std::max(bound, u * greatest(host_copy(backend_, weight)) +
                                static_cast<double>(options_.rank + 2) * u * std::abs(scale) *
                                    row_sum * greatest(host_copy(backend_, down)));
  });
  return bound;
}

template <NamesLinearMaps BlockType>
void AdapterSet<BlockType>::add_product(View<Backend, Master, 2> weight,
                                        View<Backend, Element, 2> rounded,
                                        View<Backend, Master const, 2> up,
                                        View<Backend, Master const, 2> down, double scale) const {
  using T = TypeOf<Backend, Master>;
  using E = TypeOf<Backend, Element>;
  auto const ups = host_copy(backend_, up), downs = host_copy(backend_, down);
  auto const before = host_copy(backend_, weight);
  std::vector<T> sums(before.begin(), before.end());
  auto const inputs = static_cast<std::size_t>(weight.size(1));
  auto const rank = static_cast<std::size_t>(up.size(1));
  std::vector<double> row(inputs);
  for (std::size_t o = 0; o < static_cast<std::size_t>(weight.size(0)); ++o) {
    std::fill(row.begin(), row.end(), 0.0);
    for (std::size_t r = 0; r < rank; ++r)
      for (std::size_t i = 0; i < inputs; ++i)
        row[i] +=
            static_cast<double>(ups[o * rank + r]) * static_cast<double>(downs[r * inputs + i]);
    for (std::size_t i = 0; i < inputs; ++i) {
      T& value = sums[o * inputs + i];
      value = static_cast<T>(static_cast<double>(value) + scale * row[i]);
    }
  }
  fill_from_host(backend_, weight, [&](std::span<T> to) { std::ranges::copy(sums, to.begin()); });
  fill_from_host(backend_, rounded, [&](std::span<E> to) {
    std::ranges::transform(sums, to.begin(), [](T value) { return static_cast<E>(value); });
  });
}

template <NamesLinearMaps BlockType>
Json AdapterSet<BlockType>::describe() const {
  Json targets = Json::array();
  for (auto const& target : options_.targets) targets.push_back(Json(target));
  return Json::object({{"rank", options_.rank},
                       {"alpha", options_.alpha},
                       {"targets", std::move(targets)},
                       {"blocks", blocks_}});
}

template <NamesLinearMaps BlockType>
AdapterOptions AdapterSet<BlockType>::options_of(Json const& saved) {
  AdapterOptions options{
      .rank = saved.at("rank").as_int(), .alpha = saved.at("alpha").as_double(), .targets = {}};
  for (Json const& target : saved.at("targets").as_array())
    options.targets.push_back(target.as_string());
  return options;
}

ACCRETE_END_NAMESPACE
