/// A linear layer: out = x W^T + b, and what adapters add to it.
#pragma once

#include <vector>

#include <accrete/nn/adapter.hpp>
#include <accrete/nn/module.hpp>
#include <accrete/ops/fused_linear.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// With a bias it has parameters "weight" (O,I) and "bias" (O), without one "weight" alone. Adapters are not among its
/// parameters: they come and go, and whoever attaches them owns their memory.
template <HasLinear B>
requires HasLowRank<B>
class Linear {
 public:
  using Backend = B;
  enum class Bias : bool { no, yes };

  Linear(Index inputs, Index outputs, Bias bias, Initial initial = Initial::normal())
      : weight_({outputs, inputs}, initial),
        bias_({bias == Bias::yes ? outputs : 0}, Initial::zeros()) {}

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("weight", self.weight_);
    if (self.has_bias()) visit("bias", self.bias_);
  }

  /// x (N,I) -> out (N,O)
  void forward(Backend const& backend, View<Backend, Element const, 2> x,
               View<Backend, Element, 2> out) const {
    linear_forward(backend, x, weight(), bias(), out);
    for (auto const& adapter : adapters_) adapter.forward(backend, x, out);
  }

  /// Whether `forward_fused` takes so many rows: the backend does, and no adapter corrects what stands between the parts.
  [[nodiscard]] bool fuses(Backend const& backend, Index rows) const {
    if constexpr (HasFusedLinear<Backend>)
      return adapters_.empty() && FusedLinearKernel<Backend>::takes(backend, rows);
    return false;
  }
  /// x (N,I) -> out (N,O), or (N,O/2) for a gated unit, with what stands around the map; see ops/fused_linear.hpp.
  void forward_fused(Backend const& backend, View<Backend, Element const, 2> x,
                     View<Backend, Element, 2> out,
                     LinearSurroundings<Backend> const& around) const requires HasFusedLinear<B> {
    fused_linear_forward(backend, x, weight(), bias(), out, around);
  }

  /// Adds to the gradients of weight and bias; overwrites grad_x (N,I) unless it is empty.
  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 2> grad_out, View<Backend, Element const, 2> x,
                View<Backend, Element, 2> grad_x) const {
    linear_backward(backend, grad_out, x, weight(), grad_x, grad_weight(gradients),
                    grad_bias(gradients));
    for (auto const& adapter : adapters_) adapter.backward(backend, gradients, grad_out, x, grad_x);
  }

  [[nodiscard]] Index inputs() const { return weight_.sizes()[1]; }
  [[nodiscard]] Index outputs() const { return weight_.sizes()[0]; }
  [[nodiscard]] std::vector<Adapter<Backend>>& adapters() { return adapters_; }
  [[nodiscard]] std::vector<Adapter<Backend>> const& adapters() const { return adapters_; }

  [[nodiscard]] View<Backend, Element const, 2> weight() const { return weight_; }
  [[nodiscard]] View<Backend, Element, 2> weight_values() { return weight_.values(); }
  [[nodiscard]] View<Backend, Element const, 1> bias() const {
    return has_bias() ? bias_.view() : View<Backend, Element const, 1>{};
  }
  [[nodiscard]] View<Backend, Master, 2> grad_weight(Gradients<Backend> const& gradients) const {
    return gradients.of(weight_);
  }
  [[nodiscard]] View<Backend, Master, 1> grad_bias(Gradients<Backend> const& gradients) const {
    return has_bias() ? gradients.of(bias_) : View<Backend, Master, 1>{};
  }

 private:
  [[nodiscard]] bool has_bias() const { return bias_.count() > 0; }

  Parameter<Backend, 2> weight_;  // (O,I)
  Parameter<Backend, 1> bias_;    // (O), or of size 0
  std::vector<Adapter<Backend>> adapters_;
};

ACCRETE_END_NAMESPACE
