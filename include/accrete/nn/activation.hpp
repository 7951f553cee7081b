/// Activations of a feed-forward part, given to a block as a policy. They have no parameters.
#pragma once

#include <concepts>

#include <accrete/nn/policy.hpp>
#include <accrete/ops/fused_linear.hpp>
#include <accrete/ops/gelu.hpp>
#include <accrete/ops/swiglu.hpp>

ACCRETE_BEGIN_NAMESPACE

/// `input_factor` is the number of inputs for each output: 2 for gated units.
template <class Policy, class Backend>
concept ActivationPolicy = std::is_same_v<typename Policy::Role, ActivationRole> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element, 2> out) {
  { Policy::input_factor } -> std::convertible_to<Index>;
  { Policy::name } -> std::convertible_to<char const*>;
  Policy::forward(backend, in, out);
  Policy::backward(backend, in, in, out);
};

/// Exact GELU, see ops/gelu.hpp.
struct Gelu {
  using Role = ActivationRole;
  static constexpr Index input_factor = 1;
  static constexpr char const* name = "gelu";
  static constexpr RowActivation row_activation = RowActivation::gelu;

  template <HasGelu Backend>
  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    gelu_forward(backend, x, out);
  }
  template <HasGelu Backend>
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    gelu_backward(backend, grad_out, x, grad_x);
  }
};

/// SwiGLU, see ops/swiglu.hpp: the product before it is twice as wide.
struct Swiglu {
  using Role = ActivationRole;
  static constexpr Index input_factor = 2;
  static constexpr char const* name = "swiglu";
  static constexpr RowActivation row_activation = RowActivation::swiglu;

  template <HasSwiglu Backend>
  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    swiglu_forward(backend, x, out);
  }
  template <HasSwiglu Backend>
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    swiglu_backward(backend, grad_out, x, grad_x);
  }
};

ACCRETE_END_NAMESPACE
