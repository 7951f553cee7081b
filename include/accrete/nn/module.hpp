/// The concept that every part of a network meets, ours and a user's own.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <accrete/core/any_visitor.hpp>
#include <accrete/io/json.hpp>
#include <accrete/memory/workspace.hpp>
#include <accrete/nn/gradients.hpp>
#include <accrete/nn/parameter.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A part names its parameters, once for reading and writing alike:
///
///     template <class Self>
///     static void visit_parameters(Self& self, auto&& visit) {
///       visit("norm", self.norm_);        // a part of its own
///       visit("weight", self.weight_);    // a Parameter
///     }
template <class M>
concept VisitsParameters = requires(M& part, detail::AnyVisitor visit) {
  M::visit_parameters(part, visit);
};

/// A part says what it is as JSON; equal descriptions mean equal architecture.
template <class M>
concept DescribesItsArchitecture = requires(M const& part) {
  { part.describe() } -> std::same_as<Json>;
};

/// A part plans its memory: `Activations` are what forward leaves for backward, `Scratch` is free to use within one
/// call. Both are structs of views, carved out of a workspace for (B,T).
template <class M>
concept PlansItsMemory = requires(M const& part, Workspace<typename M::Backend>& workspace,
                                  Index batch, Index time) {
  { part.activations_for(workspace, batch, time) } -> std::same_as<typename M::Activations>;
  { part.scratch_for(workspace, batch, time) } -> std::same_as<typename M::Scratch>;
};

/// forward: x (B,T,C) -> out (B,T,C). backward: adds parameter gradients to `gradients` and overwrites grad_x (B,T,C).
template <class M>
concept MapsHiddenStates = requires(M const& part, typename M::Backend const& backend,
                                    View<typename M::Backend, Element const, 3> in,
                                    View<typename M::Backend, Element, 3> out,
                                    typename M::Activations& activations,
                                    typename M::Activations const& kept,
                                    typename M::Scratch& scratch,
                                    Gradients<typename M::Backend> const& gradients) {
  part.forward(backend, in, out, activations, scratch);
  part.backward(backend, gradients, in, in, out, kept, scratch);
};

/// decode_step: forward for n further tokens of each sequence, which stand at `positions` (B), with a cache that
/// remembers the tokens before them.
template <class M>
concept Decodes = requires(M const& part, typename M::Backend const& backend,
                           View<typename M::Backend, Element const, 3> in,
                           View<typename M::Backend, Index const, 1> positions,
                           View<typename M::Backend, Element, 3> out,
                           typename M::Activations& activations, typename M::Scratch& scratch,
                           typename M::Cache& cache, Workspace<typename M::Backend>& workspace,
                           Index size) {
  { part.cache_for(workspace, size, size) } -> std::same_as<typename M::Cache>;
  part.decode_step(backend, cache, positions, in, out, activations, scratch);
};

template <class M>
concept Module = ComputeBackend<typename M::Backend> && VisitsParameters<M> &&
    DescribesItsArchitecture<M> && PlansItsMemory<M> && MapsHiddenStates<M>;

/// A module that a stack can hold: built from a configuration, and able to decode.
template <class M>
concept Block = Module<M> && Decodes<M> && std::default_initializable<typename M::Config> &&
    std::constructible_from<M, typename M::Config> && requires(M const& part) {
  { part.model_dim() } -> std::convertible_to<Index>;
};

namespace detail {

/// Lengthens `path` to the name of each parameter in turn.
template <class M, class F>
void for_each_parameter_below(M& module, std::string& path, F& f) {
  std::remove_const_t<M>::visit_parameters(module, [&](std::string_view name, auto& part) {
    std::size_t const length = path.size();
    if (length > 0) path += '.';
    path += name;
    if constexpr (is_parameter<std::remove_cvref_t<decltype(part)>>)
      f(std::as_const(path), part);
    else
      for_each_parameter_below(part, path, f);
    path.resize(length);
  });
}

}  // namespace detail

/// Calls f(name, parameter) for every parameter of `module` in order, names joined by dots: "attention.qkv.weight".
template <class M, class F>
void for_each_parameter(M& module, std::string prefix, F&& f) {
  detail::for_each_parameter_below(module, prefix, f);
}

/// The number of trainable values in a module; needs no memory for them.
template <class M>
[[nodiscard]] Index parameter_count(M const& part) {
  Index count = 0;
  for_each_parameter(
      part, "", [&](std::string const&, auto const& parameter) { count += parameter.count(); });
  return count;
}

ACCRETE_END_NAMESPACE
