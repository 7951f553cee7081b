/// How attention learns of positions, given to a block as a policy.
#pragma once

#include <concepts>

#include <accrete/nn/policy.hpp>
#include <accrete/ops/rotary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A position policy changes queries and keys in place before attention, and their gradients after it.
template <class Policy, class Backend>
concept PositionPolicy = std::is_same_v<typename Policy::Role, PositionRole> &&
    requires(Backend const& backend, View<Backend, Element, 5> qkv,
             View<Backend, Index const, 1> positions, Index head_dim) {
  { Policy::name } -> std::convertible_to<char const*>;
  { Policy::head_dim_is_valid(head_dim) } -> std::same_as<bool>;
  Policy::forward(backend, qkv, positions);
  Policy::backward(backend, qkv);
};

/// Rotary positions of base 10,000, see ops/rotary.hpp.
struct Rotary {
  using Role = PositionRole;
  static constexpr char const* name = "rotary";
  static constexpr double base = 10000.0;
  [[nodiscard]] static constexpr bool head_dim_is_valid(Index head_dim) {
    return head_dim % 2 == 0;
  }

  template <HasRotary Backend>
  static void forward(Backend const& backend, View<Backend, Element, 5> qkv,
                      View<Backend, Index const, 1> positions) {
    rotary_forward(backend, qkv, positions, base);
  }
  template <HasRotary Backend>
  static void backward(Backend const& backend, View<Backend, Element, 5> grad_qkv) {
    rotary_backward(backend, grad_qkv, {}, base);
  }
};

/// No positions: attention sees a set, ordered by the causal mask alone.
struct NoPositions {
  using Role = PositionRole;
  static constexpr char const* name = "none";
  [[nodiscard]] static constexpr bool head_dim_is_valid(Index) { return true; }

  template <ComputeBackend Backend>
  static void forward(Backend const&, View<Backend, Element, 5>, View<Backend, Index const, 1>) {}
  template <ComputeBackend Backend>
  static void backward(Backend const&, View<Backend, Element, 5>) {}
};

ACCRETE_END_NAMESPACE
