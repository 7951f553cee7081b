/// Fusion: how the logits of experts become those of an ensemble.
#pragma once

#include <concepts>
#include <vector>

#include <accrete/nn/module.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The role of a fusion among the parts of an ensemble: `using Role = FusionRole;`.
struct FusionRole;

/// What a fusion is made for.
struct FusionSizes {
  Index experts = 0;            ///< E
  Index vocabulary = 0;         ///< V
  std::vector<Index> widths{};  ///< of the hidden states (B,T,C) that `read` is given, in order
  [[nodiscard]] Index width() const {  ///< of all of them together
    Index sum = 0;
    for (Index const width : widths) sum += width;
    return sum;
  }
};

/// What a fusion plans its memory for.
struct FusionPlan {
  Index tokens = 0;      ///< N = B T
  Index chunk = 0;       ///< n, the most tokens whose logits are combined at once
  Index vocabulary = 0;  ///< V
  bool training = false;
};

/// The factor of one expert's logits: scale * token_scale[n].
template <ComputeBackend Backend>
struct ExpertWeight {
  double scale = 1.0;
  View<Backend, Statistic const, 1> token_scale{};  // (N), or empty for 1
  View<Backend, Statistic, 1> grad_token_scale{};   // (N), added to; empty where not wanted
};

/// The layer that a fusion makes for a backend. Its parameters are kept in a segment called "fusion". `State` is a
/// struct of views, what forward leaves for backward and scratch alike.
template <class L>
concept FusionLayer = ComputeBackend<typename L::Backend> && VisitsParameters<L> &&
    DescribesItsArchitecture<L> &&
    requires(L const& layer, Workspace<typename L::Backend>& workspace, FusionPlan const& plan) {
  { layer.state_for(workspace, plan) } -> std::same_as<typename L::State>;
};

/// logits = sum_e weight(e) * logits of expert e. Where the experts' classifiers are lists of terms, so is the
/// ensemble's: such a fusion costs nothing.
template <class L>
concept WeighsExperts = FusionLayer<L> &&
    requires(L const& layer, typename L::State const& state, Index expert) {
  { layer.weight(state, expert) } -> std::same_as<ExpertWeight<typename L::Backend>>;
};

/// Its weights depend on the hidden states from which the experts' classifiers start: after each forward, `read` is
/// given them one after the other, then `finish_reading` is called; before the experts' backward, `finish_backward`
/// and `read_backward`, which adds to the gradients of the hidden states.
template <class L>
concept ReadsHiddenStates = WeighsExperts<L> &&
    requires(L const& layer, typename L::Backend const& backend, typename L::State const& state,
             Index number, View<typename L::Backend, Element const, 2> hidden,
             View<typename L::Backend, Element, 2> grad_hidden,
             Gradients<typename L::Backend> const& gradients) {
  layer.read(backend, state, number, hidden);
  layer.finish_reading(backend, state);
  layer.finish_backward(backend, state);
  layer.read_backward(backend, gradients, state, number, hidden, grad_hidden);
};

/// Combines logits that lie before it: for each chunk of n tokens, `combine` is called for each expert in order, which
/// begins or goes on with `logits`, then `finish`. In training, once the gradient of these logits is known,
/// `begin_backward` and for each expert `combine_backward`, which finds the expert's logits in `expert` once more and
/// leaves their gradient there.
template <class L>
concept CombinesLogits = FusionLayer<L> &&
    requires(L const& layer, typename L::Backend const& backend, typename L::State const& state,
             Index number, View<typename L::Backend, Element, 2> expert,
             View<typename L::Backend, Element const, 2> kept,
             Gradients<typename L::Backend> const& gradients) {
  layer.combine(backend, state, number, kept, expert);
  layer.finish(backend, state, expert);
  layer.begin_backward(backend, gradients, state, kept);
  layer.combine_backward(backend, gradients, state, number, expert, kept);
};

/// A fusion that a user names among the parts of an ensemble. It is a value: its members are its settings.
template <class F, class Backend>
concept FusionPolicy = std::same_as<typename F::Role, FusionRole> && std::copyable<F> &&
    std::default_initializable<F> &&(WeighsExperts<typename F::template Layer<Backend>> ||
                                     CombinesLogits<typename F::template Layer<Backend>>)&&std::
        constructible_from<typename F::template Layer<Backend>, F const&, FusionSizes const&>;

/// For fusions that have neither parameters nor memory.
template <ComputeBackend B>
struct PlainFusion {
  using Backend = B;
  struct State {};

  template <class Self>
  static void visit_parameters(Self&, auto&&) {}
  [[nodiscard]] State state_for(Workspace<B>&, FusionPlan const&) const { return {}; }
};

ACCRETE_END_NAMESPACE
