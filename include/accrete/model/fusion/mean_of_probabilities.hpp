/// The mean of the experts' probabilities instead of their logits.
#pragma once

#include <cmath>

#include <accrete/model/fusion.hpp>
#include <accrete/ops/mixture.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits = log(sum_e softmax(logits_e) / E): an expert that is sure outvotes others that are not, where the mean of
/// logits would let each of them forbid a token.
///
/// PyTorch: `torch.logsumexp(F.log_softmax(stacked_logits, -1), 0) - math.log(E)`. Works on chunks of tokens; backward
/// computes each expert's logits a second time.
struct MeanOfProbabilities {
  using Role = FusionRole;

  template <class B>
  requires HasMixture<B> && HasScaledRows<B>
  class Layer {
   public:
    using Backend = B;
    struct State {
      View<B, Statistic, 2> normalizers;  // (E,n)
      View<B, Element, 2> mixture;        // (n,V), kept in training
    };

    Layer(MeanOfProbabilities const&, FusionSizes const& sizes)
        : experts_(sizes.experts), log_weight_(-std::log(static_cast<double>(sizes.experts))) {}

    template <class Self>
    static void visit_parameters(Self&, auto&&) {}
    [[nodiscard]] Json describe() const { return Json("mean of probabilities"); }
    [[nodiscard]] State state_for(Workspace<B>& workspace, FusionPlan const& plan) const {
      State state{workspace.template tensor<Statistic>(experts_, plan.chunk), {}};
      if (plan.training)
        state.mixture = workspace.template tensor<Element>(plan.chunk, plan.vocabulary);
      return state;
    }

    void combine(B const& backend, State const& state, Index expert,
                 View<B, Element const, 2> expert_logits, View<B, Element, 2> logits) const {
      mixture_forward(backend, expert_logits, normalizers_of(state, expert, logits.size(0)), logits,
                      {.log_weight = log_weight_, .accumulate = expert > 0});
    }
    void finish(B const& backend, State const& state, View<B, Element, 2> logits) const {
      if (state.mixture.empty()) return;
      scaled_rows_forward(backend, View<B, Element const, 2>(logits), {},
                          state.mixture.slice(0, logits.size(0)));
    }
    void begin_backward(B const&, Gradients<B> const&, State const&,
                        View<B, Element const, 2>) const {}
    void combine_backward(B const& backend, Gradients<B> const&, State const& state, Index expert,
                          View<B, Element, 2> expert_logits,
                          View<B, Element const, 2> grad_logits) const {
      Index const tokens = grad_logits.size(0);
      mixture_backward(backend, grad_logits,
                       View<B, Element const, 2>(state.mixture.slice(0, tokens)),
                       View<B, Statistic const, 1>(normalizers_of(state, expert, tokens)),
                       expert_logits, log_weight_);
    }

   private:
    static View<B, Statistic, 1> normalizers_of(State const& state, Index expert, Index tokens) {
      return {state.normalizers.data() + expert * state.normalizers.size(1), {tokens}};
    }

    Index experts_;
    double log_weight_;
  };
};

ACCRETE_END_NAMESPACE
