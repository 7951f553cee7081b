/// The feed-forward part of a block, with biases.
#pragma once

#include <accrete/nn/activation.hpp>
#include <accrete/nn/fused_decoding.hpp>
#include <accrete/nn/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

/// out = activation(x W_up^T + b_up) W_down^T + b_down.
template <HasLinear B, ActivationPolicy<B> Activation>
class FeedForward {
 public:
  using Backend = B;

  struct Activations {
    View<Backend, Element, 3> up;         // (B,T,k F), k = Activation::input_factor
    View<Backend, Element, 3> activated;  // (B,T,F)
  };
  struct Scratch {
    View<Backend, Element, 3> grad_up;         // (B,T,k F)
    View<Backend, Element, 3> grad_activated;  // (B,T,F)
  };

  FeedForward(Index model_dim, Index hidden_dim)
      : hidden_dim_(hidden_dim),
        up_(model_dim, Activation::input_factor * hidden_dim, Linear<Backend>::Bias::yes),
        down_(hidden_dim, model_dim, Linear<Backend>::Bias::yes, Initial::residual_output()) {}

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("up", self.up_);
    visit("down", self.down_);
  }
  template <class Self>
  static void visit_linear_maps(Self& self, auto&& visit) {
    visit("up", self.up_, IndexRange{0, self.up_.outputs()});
    visit("down", self.down_, IndexRange{0, self.down_.outputs()});
  }
  [[nodiscard]] Json describe() const {
    Json json = Json::object();
    json["hidden_dim"] = Json(hidden_dim_);
    json["activation"] = Json(Activation::name);
    return json;
  }

  Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.template tensor<Element>(batch, time, Activation::input_factor * hidden_dim_),
            workspace.template tensor<Element>(batch, time, hidden_dim_)};
  }
  Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.template tensor<Element>(batch, time, Activation::input_factor * hidden_dim_),
            workspace.template tensor<Element>(batch, time, hidden_dim_)};
  }

  void forward(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, Activations& kept, Scratch&) const {
    up_.forward(backend, x.rows(), kept.up.rows());
    Activation::forward(backend, kept.up.rows(), kept.activated.rows());
    down_.forward(backend, kept.activated.rows(), out.rows());
  }

  /// Whether `forward_fused` takes so many rows.
  [[nodiscard]] bool fuses(Backend const& backend, Index rows) const {
    return up_.fuses(backend, rows) && down_.fuses(backend, rows);
  }
  /// out = x + feed_forward(norm(x)), for decoding.
  void forward_fused(Backend const& backend, RowNorm<Backend> const& norm,
                     View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                     Activations& kept) const requires HasFusedLinear<B> {
    if constexpr (DescribesRowActivation<Activation>) {
      up_.forward_fused(backend, x.rows(), kept.activated.rows(),
                        {.norm = norm, .activation = Activation::row_activation});
    } else {
      up_.forward_fused(backend, x.rows(), kept.up.rows(), {.norm = norm});
      Activation::forward(backend, kept.up.rows(), kept.activated.rows());
    }
    down_.forward_fused(backend, kept.activated.rows(), out.rows(), {.residual = x.rows()});
  }

  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                View<Backend, Element, 3> grad_x, Activations const& kept, Scratch& scratch) const {
    down_.backward(backend, gradients, grad_out.rows(), kept.activated.rows(),
                   scratch.grad_activated.rows());
    Activation::backward(backend, scratch.grad_activated.rows(), kept.up.rows(),
                         scratch.grad_up.rows());
    up_.backward(backend, gradients, scratch.grad_up.rows(), x.rows(), grad_x.rows());
  }

 private:
  Index hidden_dim_;
  Linear<Backend> up_, down_;
};

ACCRETE_END_NAMESPACE
