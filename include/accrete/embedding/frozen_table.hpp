/// A constant table of token vectors: what all frozen embedding layers derive from.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <accrete/embedding/embedding_policy.hpp>
#include <accrete/memory/transfer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Looks rows up in a table (V,W) that never trains; a row is expanded by repetition to C = k W channels. A policy's layer
/// derives from it and adds `describe`.
template <HasEmbedding B>
class FrozenTable {
 public:
  using Backend = B;
  using T = TypeOf<Backend, Element>;

  /// Shares the values where the backend computes in their type; makes one rounded copy elsewhere. `owner` keeps the values
  /// alive.
  template <class Value>
  FrozenTable(Backend const& backend, std::span<Value const> values, Index rows, Index width,
              std::shared_ptr<void const> owner)
      : owner_(std::move(owner)) {
    if constexpr (std::is_same_v<T, Value> && HostBackend<Backend>) {
      table_ = {values.data(), {rows, width}};
    } else {
      auto const memory = backend.allocate(rows * width * static_cast<Index>(sizeof(T)));
      View<Backend, Element, 2> const copy{reinterpret_cast<T*>(memory.get()), {rows, width}};
      fill_from_host(backend, copy, [&](std::span<T> numbers) {
        std::transform(values.begin(), values.end(), numbers.begin(),
                       [](Value value) { return static_cast<T>(value); });
      });
      table_ = copy;
      owner_ = memory;
    }
  }

  /// Owns the values.
  FrozenTable(Backend const& backend, std::vector<float> values, Index rows, Index width)
      : FrozenTable(backend, std::make_shared<std::vector<float> const>(std::move(values)), rows,
                    width) {}

  void forward(Backend const& backend, View<Backend, TokenId const, 2> ids,
               View<Backend, Element, 3> out) const {
    embedding_forward(backend, ids.template reshape<1>({ids.count()}), table_, out.rows());
  }

  template <class Self>
  static void visit_parameters(Self&, auto&&) {}
  void backward(Backend const&, Gradients<Backend> const&, View<Backend, TokenId const, 2>,
                View<Backend, Element const, 3>) const {}

  [[nodiscard]] Index width() const { return table_.size(1); }

 protected:
  [[nodiscard]] Json describe_as(char const* type) const {
    return Json::object({{"type", type}, {"width", width()}});
  }

 private:
  FrozenTable(Backend const& backend, std::shared_ptr<std::vector<float> const> const& values,
              Index rows, Index width)
      : FrozenTable(backend, std::span<float const>(*values), rows, width, values) {}

  std::shared_ptr<void const> owner_;
  View<Backend, Element const, 2> table_;  // (V,W)
};

ACCRETE_END_NAMESPACE
