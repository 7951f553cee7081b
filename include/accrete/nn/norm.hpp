/// Norms: layers over rows of channels, given to a block as a policy.
#pragma once

#include <accrete/nn/module.hpp>
#include <accrete/nn/policy.hpp>
#include <accrete/ops/fused_linear.hpp>
#include <accrete/ops/residual_layer_norm.hpp>
#include <accrete/ops/residual_rms_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A norm policy names the layer it makes for a backend: `Policy::Layer<Backend>{channels}`, a Module.
template <class Policy, class Backend>
concept NormPolicy = std::is_same_v<typename Policy::Role, NormRole> &&
    Module<typename Policy::template Layer<Backend>> &&
    std::constructible_from<typename Policy::template Layer<Backend>, Index>;

/// (x - mean) / sqrt(variance + 1e-5) * weight + bias.
struct LayerNorm {
  using Role = NormRole;
  static constexpr double epsilon = 1e-5;

  template <HasLayerNorm B>
  class Layer {
   public:
    using Backend = B;
    struct Activations {
      View<Backend, Statistic, 1> mean, rstd;  // (B*T)
    };
    struct Scratch {};

    explicit Layer(Index channels)
        : weight_({channels}, Initial::ones()), bias_({channels}, Initial::zeros()) {}

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("weight", self.weight_);
      visit("bias", self.bias_);
    }
    [[nodiscard]] Json describe() const { return Json("layer_norm"); }

    Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {workspace.template tensor<Statistic>(batch * time),
              workspace.template tensor<Statistic>(batch * time)};
    }
    Scratch scratch_for(Workspace<Backend>&, Index, Index) const { return {}; }

    void forward(Backend const& backend, View<Backend, Element const, 3> x,
                 View<Backend, Element, 3> out, Activations& kept, Scratch&) const {
      layer_norm_forward(backend, x.rows(), weight_, bias_, out.rows(), kept.mean, kept.rstd,
                         epsilon);
    }
    void backward(Backend const& backend, Gradients<Backend> const& gradients,
                  View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                  View<Backend, Element, 3> grad_x, Activations const& kept, Scratch&) const {
      layer_norm_backward(backend, grad_out.rows(), x.rows(), weight_, kept.mean, kept.rstd,
                          grad_x.rows(), gradients.of(weight_), gradients.of(bias_));
    }

    /// sum = x + y; out = norm(sum).
    void add_forward(Backend const& backend, View<Backend, Element const, 3> x,
                     View<Backend, Element const, 3> y, View<Backend, Element, 3> sum,
                     View<Backend, Element, 3> out, Activations& kept,
                     Scratch&) const requires HasResidualAdd<B> {
      residual_layer_norm_forward(backend, x.rows(), y.rows(), sum.rows(), weight_, bias_,
                                  out.rows(), kept.mean, kept.rstd, epsilon);
    }
    /// grad_x = skipped + the gradient through the norm.
    void add_backward(Backend const& backend, Gradients<Backend> const& gradients,
                      View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                      View<Backend, Element const, 3> skipped, View<Backend, Element, 3> grad_x,
                      Activations const& kept, Scratch&) const requires HasResidualAdd<B> {
      residual_layer_norm_backward(backend, grad_out.rows(), x.rows(), weight_, kept.mean,
                                   kept.rstd, skipped.rows(), grad_x.rows(), gradients.of(weight_),
                                   gradients.of(bias_));
    }

    /// The norm as part of the map after it.
    [[nodiscard]] RowNorm<Backend> row_norm() const {
      return {RowNormKind::layer_norm, weight_, bias_, epsilon};
    }

   private:
    Parameter<Backend, 1> weight_, bias_;  // (C)
  };
};

/// x / sqrt(mean(x^2) + 1e-5) * weight.
struct RmsNorm {
  using Role = NormRole;
  static constexpr double epsilon = 1e-5;

  template <HasRmsNorm B>
  class Layer {
   public:
    using Backend = B;
    struct Activations {
      View<Backend, Statistic, 1> rstd;  // (B*T)
    };
    struct Scratch {};

    explicit Layer(Index channels) : weight_({channels}, Initial::ones()) {}

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("weight", self.weight_);
    }
    [[nodiscard]] Json describe() const { return Json("rms_norm"); }

    Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {workspace.template tensor<Statistic>(batch * time)};
    }
    Scratch scratch_for(Workspace<Backend>&, Index, Index) const { return {}; }

    void forward(Backend const& backend, View<Backend, Element const, 3> x,
                 View<Backend, Element, 3> out, Activations& kept, Scratch&) const {
      rms_norm_forward(backend, x.rows(), weight_, out.rows(), kept.rstd, epsilon);
    }
    void backward(Backend const& backend, Gradients<Backend> const& gradients,
                  View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                  View<Backend, Element, 3> grad_x, Activations const& kept, Scratch&) const {
      rms_norm_backward(backend, grad_out.rows(), x.rows(), weight_, kept.rstd, grad_x.rows(),
                        gradients.of(weight_));
    }

    /// sum = x + y; out = norm(sum).
    void add_forward(Backend const& backend, View<Backend, Element const, 3> x,
                     View<Backend, Element const, 3> y, View<Backend, Element, 3> sum,
                     View<Backend, Element, 3> out, Activations& kept,
                     Scratch&) const requires HasResidualAdd<B> {
      residual_rms_norm_forward(backend, x.rows(), y.rows(), sum.rows(), weight_, out.rows(),
                                kept.rstd, epsilon);
    }
    /// grad_x = skipped + the gradient through the norm.
    void add_backward(Backend const& backend, Gradients<Backend> const& gradients,
                      View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                      View<Backend, Element const, 3> skipped, View<Backend, Element, 3> grad_x,
                      Activations const& kept, Scratch&) const requires HasResidualAdd<B> {
      residual_rms_norm_backward(backend, grad_out.rows(), x.rows(), weight_, kept.rstd,
                                 skipped.rows(), grad_x.rows(), gradients.of(weight_));
    }

    /// The norm as part of the map after it.
    [[nodiscard]] RowNorm<Backend> row_norm() const {
      return {RowNormKind::rms_norm, weight_, {}, epsilon};
    }

   private:
    Parameter<Backend, 1> weight_;  // (C)
  };
};

ACCRETE_END_NAMESPACE
