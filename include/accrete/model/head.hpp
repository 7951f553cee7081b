/// The output head: a final norm and a linear classifier that is not tied to the embedding.
#pragma once

#include <accrete/nn/linear.hpp>
#include <accrete/nn/norm.hpp>
#include <accrete/ops/classifier.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A head turns the body's output (B,T,C) into the hidden states of one classifier term.
template <class L>
concept HeadLayer = ComputeBackend<typename L::Backend> && VisitsParameters<L> &&
    DescribesItsArchitecture<L> && PlansItsMemory<L> &&
    requires(L const& layer, typename L::Backend const& backend,
             View<typename L::Backend, Element const, 3> x,
             View<typename L::Backend, Element, 3> grad_x, typename L::Activations& activations,
             typename L::Activations const& kept, typename L::Scratch& scratch,
             Gradients<typename L::Backend> const& gradients) {
  layer.forward(backend, x, activations, scratch);
  { layer.term(kept) } -> std::same_as<ClassifierTerm<typename L::Backend>>;
  {
    layer.term_gradient(gradients, scratch)
    } -> std::same_as<ClassifierTermGradient<typename L::Backend>>;
  layer.backward(backend, gradients, x, grad_x, kept, scratch);
};

/// A head policy names the layer that it makes for a backend: `Policy::Layer<Backend>{C, V}`.
template <class Policy, class Backend>
concept HeadPolicy = HeadLayer<typename Policy::template Layer<Backend>> &&
    std::constructible_from<typename Policy::template Layer<Backend>, Index, Index>;

/// logits = norm(x) W^T + b. Parameters: V C + V and those of the norm.
template <class Norm = LayerNorm>
struct LinearHead {
  template <HasClassifier B>
  class Layer {
    using NormLayer = typename Norm::template Layer<B>;

   public:
    using Backend = B;
    struct Activations {
      typename NormLayer::Activations norm;
      View<Backend, Element, 3> hidden;  // (B,T,C)
    };
    struct Scratch {
      typename NormLayer::Scratch norm;
      View<Backend, Element, 3> grad_hidden;  // (B,T,C)
    };

    Layer(Index model_dim, Index vocabulary_size)
        : model_dim_(model_dim),
          norm_(model_dim),
          linear_(model_dim, vocabulary_size, Linear<Backend>::Bias::yes) {}

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("norm", self.norm_);
      visit("linear", self.linear_);
    }
    [[nodiscard]] Json describe() const {
      Json json = Json::object();
      json["type"] = Json("linear_head");
      json["norm"] = norm_.describe();
      return json;
    }

    Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {norm_.activations_for(workspace, batch, time),
              workspace.template tensor<Element>(batch, time, model_dim_)};
    }
    Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {norm_.scratch_for(workspace, batch, time),
              workspace.template tensor<Element>(batch, time, model_dim_)};
    }

    /// Makes the hidden states of the term from the body's output x (B,T,C).
    void forward(Backend const& backend, View<Backend, Element const, 3> x, Activations& kept,
                 Scratch& scratch) const {
      norm_.forward(backend, x, kept.hidden, kept.norm, scratch.norm);
    }
    [[nodiscard]] ClassifierTerm<Backend> term(Activations const& kept) const {
      return {.hidden = kept.hidden.rows(), .weight = linear_.weight(), .bias = linear_.bias()};
    }
    /// Where the loss puts the gradients of the term.
    [[nodiscard]] ClassifierTermGradient<Backend> term_gradient(Gradients<Backend> const& gradients,
                                                                Scratch const& scratch) const {
      return {.hidden = scratch.grad_hidden.rows(),
              .weight = linear_.grad_weight(gradients),
              .bias = linear_.grad_bias(gradients)};
    }
    /// From the hidden states' gradient to grad_x (B,T,C).
    void backward(Backend const& backend, Gradients<Backend> const& gradients,
                  View<Backend, Element const, 3> x, View<Backend, Element, 3> grad_x,
                  Activations const& kept, Scratch& scratch) const {
      norm_.backward(backend, gradients, scratch.grad_hidden, x, grad_x, kept.norm, scratch.norm);
    }

   private:
    Index model_dim_;
    NormLayer norm_;
    Linear<Backend> linear_;
  };
};

ACCRETE_END_NAMESPACE
